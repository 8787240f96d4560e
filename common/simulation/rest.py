"""The HTTP side of the embedded exchange: books of the CLOB, Gamma's lists, the data API, and the faults of each."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from common.simulation.faults.active import Faults
from common.simulation.faults.catalogue import Fault
from common.simulation.faults.mutations import mutated_text
from common.simulation.feed import now_ms
from common.simulation.gamma.endpoints import Gamma, Kind, LastPageError
from common.simulation.gamma.lies import Lies, holds_for_one
from common.simulation.gamma.query import Query, QueryError
from common.simulation.listed import Listed
from common.simulation.resolutions import QuestionError, conditions_asked, rows_of

BOOKS_LIMIT = 500
LIBRARY_AGENTS = re.compile(
    r"(python-requests|python-urllib|python-httpx|python/|aiohttp|go-http-client|okhttp|java/)", re.IGNORECASE
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def json_response(text: str, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer from its text."""
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)


def _refusal(message: str, status: int = 400) -> web.Response:
    return json_response(json.dumps({"error": message}), status=status)


class HttpSide:
    """`POST /books`, `GET /book` and Gamma's paths."""

    def __init__(self, model: Listed, faults: Faults) -> None:
        self._model = model
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        """All paths, each behind the User-Agent check and the faults of its service."""
        books, gamma, data = self._guarded("books"), self._guarded("gamma"), self._guarded("data")
        return [
            web.post("/books", books(self._books)),
            web.get("/book", books(self._book)),
            web.get("/{kind:markets|events}", gamma(self._listed)),
            web.get("/series", gamma(self._series)),
            web.get("/public-search", gamma(self._search)),
            web.get("/{kind:markets|events}/keyset", gamma(self._page)),
            web.get("/{kind:markets|events}/slug/{slug}", gamma(self._by_slug)),
            web.get("/v2/resolutions", data(self._resolved)),
        ]

    def _guarded(self, service: str) -> Callable[[Handler], Handler]:
        def guard(handler: Handler) -> Handler:
            async def guarded(request: web.Request) -> web.StreamResponse:
                agent = request.headers.get("User-Agent", "")
                if not agent or LIBRARY_AGENTS.match(agent):
                    return web.Response(status=403, text="error code: 1010")
                fault = self._faults.take(service, time.monotonic())
                if fault is not None:
                    answer = await _faulty(fault)
                    if answer is not None:
                        return answer
                    request["fault"] = fault.kind
                return await handler(request)

            return guarded

        return guard

    async def _books(self, request: web.Request) -> web.Response:
        try:
            asked = json.loads(await request.text())
            token_ids = [entry["token_id"] for entry in asked]
        except (ValueError, TypeError, KeyError):
            return _refusal("Invalid payload")
        if not isinstance(asked, list) or not token_ids:
            return _refusal("Invalid payload")
        if len(token_ids) > BOOKS_LIMIT:
            return _refusal("Payload exceeds the limit")
        if not all(isinstance(token_id, str) and token_id.isdecimal() for token_id in token_ids):
            return _refusal("Invalid token id")
        kind = request.get("fault", "")
        bodies = [body for token_id in dict.fromkeys(token_ids) if (body := self._body(token_id, kind))]
        return json_response(f"[{','.join(bodies)}]")

    async def _book(self, request: web.Request) -> web.Response:
        token_id = request.query.get("token_id", "")
        if not token_id.isdecimal():
            return _refusal("Invalid token id")
        body = self._body(token_id, request.get("fault", ""))
        if body is None:
            return _refusal("No orderbook exists for the requested token id", 404)
        return json_response(body)

    def _body(self, token_id: str, fault_kind: str) -> str | None:
        book = self._model.rest_book(token_id, now_ms())
        if book is None:
            return None
        if fault_kind == "wrong_hash":
            return book.text.replace(book.hash, book.hash[::-1], 1)
        body = mutated_text(book.text, self._model.shapes.of("rest_book", book.slug, token_id))
        if fault_kind == "wrong_book":
            return body.replace('"size":"', '"size":"1', 1)
        return body

    def _gamma(self) -> Gamma:
        """For one answer that is a list."""
        return Gamma(self._model, time.time(), Lies(self._faults.take_all("listing", time.monotonic())))

    async def _listed(self, request: web.Request) -> web.Response:
        return _answer(lambda: self._gamma().listed(_kind(request), _query(request)))

    async def _page(self, request: web.Request) -> web.Response:
        return _answer(lambda: self._gamma().page(_kind(request), _query(request)))

    async def _series(self, request: web.Request) -> web.Response:
        return _answer(lambda: self._gamma().series(_query(request)))

    async def _search(self, request: web.Request) -> web.Response:
        return _answer(lambda: self._gamma().search(_query(request)))

    async def _by_slug(self, request: web.Request) -> web.Response:
        lies = Lies(self._faults.take_all("listing", time.monotonic(), holds_for_one))
        gamma = Gamma(self._model, time.time(), lies)
        found = gamma.by_slug(_kind(request), request.match_info["slug"])
        if found is None:
            return json_response('{"type":"not found error","error":"slug not found"}', status=404)
        return _cached(json.dumps(found))

    async def _resolved(self, request: web.Request) -> web.Response:
        """Rows of the data API; the markets that are listed are those that it knows."""
        calendar, now_s = self._model.calendar, time.time()
        known = {listing.condition_id: listing for listing in calendar.by_slug.values()}
        try:
            asked = conditions_asked(request.query.get("condition", ""))
        except QuestionError as error:
            return _refusal(str(error))
        rows = rows_of(asked, known, lambda listing: self._model.told_winner("data", listing, now_s))
        return json_response(json.dumps({"data": rows}))


def _kind(request: web.Request) -> Kind:
    return "markets" if request.match_info["kind"] == "markets" else "events"


def _answer(read: Callable[[], object]) -> web.Response:
    try:
        return _cached(json.dumps(read()))
    except QueryError as error:
        return _refusal(str(error), 422)
    except LastPageError as error:
        return _refusal("simulated", error.status)


def _query(request: web.Request) -> Query:
    return {name: request.query.getall(name) for name in request.query}


def _cached(text: str) -> web.Response:
    return json_response(text, headers={"Cache-Control": "max-age=300", "Age": "0"})


async def _faulty(fault: Fault) -> web.Response | None:
    """The wrong answer; None when the right one is only to come late, or is spoilt by the handler."""
    match fault.kind:
        case "late":
            await asyncio.sleep(fault.delay_seconds)
            return None
        case "wrong_book" | "wrong_hash":
            return None
        case "empty":
            return json_response("[]")
        case "html":
            return web.Response(
                text="<html><body>Service temporarily down</body></html>", content_type="text/html"
            )
        case "error_body":
            return json_response('{"error":"Too Many Requests"}')
        case _:
            headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else None
            return json_response('{"error":"simulated"}', status=fault.status, headers=headers)
