from luajobs_kit.cli import main

main()
