"""Tell when a repository has more stars than before."""

from dataclasses import asdict, dataclass

import requests


@dataclass
class Repository:
    name: str
    stars: int


def fetch(name):
    with requests.Session() as session:
        session.headers.update({"Accept": "application/json"})
        answer = session.get(f"https://example.org/repos/{name}", timeout=10)
    return Repository(name, answer.json()["stargazers_count"])


async def github_stars(job):
    repository = fetch(job.metadata["repository"])
    more = repository.stars - job.metadata.get("stars", 0)
    await job.update_metadata({"stars": repository.stars})
    if more > 0:
        user = await job.user()
        await user.send(f"{repository.name}: {more} more stars")
    return asdict(repository)
