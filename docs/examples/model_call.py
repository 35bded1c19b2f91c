"""Have a model summarise a text."""

import json
import os
from textwrap import dedent

import httpx

API = "https://example.org/v1/chat/completions"
SYSTEM = dedent(
    """
    You summarise in one sentence.
    """
).strip()


async def ask(text):
    headers = {"Authorization": f"Bearer {os.environ['MODEL_KEY']}"}
    body = {
        "model": "small",
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}],
    }
    async with httpx.AsyncClient() as client:
        response = await client.post(API, headers=headers, json=body, timeout=30)
    return json.loads(response.text)["choices"][0]["message"]["content"]


async def model_call(job):
    summary = await ask(job.metadata["text"])
    await (await job.user()).send(summary)
    return summary
