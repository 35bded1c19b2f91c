"""``Products``: the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luajobs_kit.api._json_values import to_object
from luajobs_kit.api._session import Bound, Session
from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.api.data.records import Fields, Page
from luajobs_kit.model import Pagination
from luajobs_kit.port import Port
from luajobs_kit.record import wrap


@awaited_as("product")
class Product(Fields):
    """A product. ``product.price`` is ``product.data["price"]``, as is ``product["price"]``."""

    _noun = "product"

    def __init__(self, data: Mapping[str, Any], session: Session) -> None:
        self._id: str = data["id"]
        self._data = wrap(dict(data))
        self._session = session

    async def update(self, data: Mapping[str, Any]) -> Product:
        """Merge ``data`` into the product, shallowly."""
        return await self._write("update", to_object(data, "product"))

    async def save(self) -> Product:
        """Keep ``data`` as it is now here, in place of what was kept."""
        return await self._write("replace", to_object(self._data, "product"))

    async def delete(self) -> None:
        """Take it from the catalogue."""
        await self._session.ask(Port.call, "products.delete", {"id": self._id})

    async def _write(self, verb: str, product: dict[str, Any]) -> Product:
        arguments = {"id": self._id, "product": product}
        self._data = wrap(await self._session.ask(Port.call, f"products.{verb}", arguments))
        return self

    def __repr__(self) -> str:
        return f"<Product {self._id} {self._data!r}>"


class ProductPage(Page[Product]):
    """A page of products."""

    _nouns = "products"


@awaited_as("Products")
class Products(Bound):
    """The catalogue of a workspace; ``luajobs_kit.Products`` is that of the current one."""

    __inside__ = "Products"

    async def get(
        self,
        page: int = 1,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
    ) -> ProductPage:
        """Return a page of the catalogue."""
        session = self._session
        arguments: dict[str, Any] = {"page": page, "limit": limit}
        if filter is not None:
            arguments["filter"] = to_object(filter, "filter")
        answer = await session.ask(Port.call, "products.get", arguments)
        return ProductPage(
            [Product(one, session) for one in answer["data"]],
            Pagination.model_validate(answer["pagination"]),
        )

    async def get_by_id(self, product_id: str) -> Product:
        """Return one product. Raises ``NotFound``."""
        return await self._product("get_by_id", {"id": product_id})

    async def create(self, product: Mapping[str, Any]) -> Product:
        """Add a product to the catalogue."""
        return await self._product("create", {"product": to_object(product, "product")})

    async def update(self, product_id: str, product: Mapping[str, Any]) -> Product:
        """Merge ``product`` into the one with that id. Raises ``NotFound``."""
        arguments = {"id": product_id, "product": to_object(product, "product")}
        return await self._product("update", arguments)

    async def delete(self, product_id: str) -> None:
        """Take a product from the catalogue. Raises ``NotFound``."""
        await self._session.ask(Port.call, "products.delete", {"id": product_id})

    async def search(self, search_query: str, limit: int = 5) -> list[Product]:
        """Return the products whose text matches, best first."""
        session = self._session
        arguments = {"searchQuery": search_query, "limit": limit}
        found = await session.ask(Port.call, "products.search", arguments)
        return [Product(one, session) for one in found]

    async def _product(self, verb: str, arguments: dict[str, Any]) -> Product:
        session = self._session
        return Product(await session.ask(Port.call, f"products.{verb}", arguments), session)
