"""Addresses that jobs may reach only where the owner permits private ones."""

import pytest

from luajobs_kit.platform.public_address import is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff0e::1",
        "::ffff:10.0.0.1",
        "::7f00:1",  # IPv4-compatible 127.0.0.1
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
        "64:ff9b::a9fe:a9fe",  # NAT64 of 169.254.169.254
        "64:ff9b:1::808:808",  # a network's own NAT64
        "2002:7f00:1::1",  # 6to4 of 127.0.0.1
        "2002:c0a8:101::1",  # 6to4 of 192.168.1.1
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo, whatever its client
        "2001:0:808:808:0:ffff:80ff:fffe",  # Teredo whose client is 127.0.0.1
        "2001:0:7f00:1:0:ffff:f7f7:f7f7",  # Teredo whose server is 127.0.0.1
    ],
)
def test_addresses_that_lead_inside_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_addresses_of_the_open_internet_are_public(address):
    assert is_public(address)
