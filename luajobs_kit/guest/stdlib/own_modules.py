"""The modules of job code that are the kit's own as a whole, by name."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from luajobs_kit.guest.stdlib import asyncio as job_asyncio
from luajobs_kit.guest.stdlib import csv as job_csv
from luajobs_kit.guest.stdlib import html_parser as job_html_parser
from luajobs_kit.guest.stdlib import httpx_client, requests_client
from luajobs_kit.guest.stdlib import io as job_io
from luajobs_kit.guest.stdlib import ipaddress as job_ipaddress
from luajobs_kit.guest.stdlib import logging as job_logging
from luajobs_kit.guest.stdlib import os as job_os
from luajobs_kit.guest.stdlib import pathlib as job_pathlib
from luajobs_kit.guest.stdlib import sys as job_sys
from luajobs_kit.guest.stdlib import traceback as job_traceback
from luajobs_kit.guest.stdlib import xml_etree as job_xml_etree

OWN_MODULES: Final[dict[str, ModuleType]] = {
    "asyncio": job_asyncio,
    "csv": job_csv,
    "html.parser": job_html_parser,
    "httpx": httpx_client,
    "io": job_io,
    "ipaddress": job_ipaddress,
    "logging": job_logging,
    "os": job_os,
    "pathlib": job_pathlib,
    "requests": requests_client,
    "requests.exceptions": requests_client,
    "sys": job_sys,
    "traceback": job_traceback,
    "xml.etree.ElementTree": job_xml_etree,
}
