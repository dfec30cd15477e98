"""Use the tools of a running page with MCP's own client: ``ask_tools.py ADDRESS TOKEN``; prints what they say as JSON."""

from __future__ import annotations

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(address: str, token: str) -> None:
    """Connect, list the tools, call one that works and one that does not."""
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"})
    async with Client(streamable_http_client(address, http_client=http)) as client:
        listed = await client.list_tools()
        queues = await client.call_tool("list_queues", {})
        refused = await client.call_tool("list_cases", {"queue": "nowhere"})
    tools = [tool.name for tool in listed.tools]
    print(json.dumps({"tools": tools, "queues": queues.structured_content, "refused": refused.is_error}))


asyncio.run(main(*sys.argv[1:3]))
