"""What every live face knows and how it hears of it. No widget, no screen: faces paint it."""
