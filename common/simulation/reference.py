"""The reference prices of the embedded exchange: RTDS at `/rtds`, Binance's combined streams at `/stream`.

Both tell the prices that settle its windows: at a window's end the average over a minute is at least what it was at the
start exactly where Up wins. Connections here are not in the oracle, which accounts for the market's frames.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from aiohttp import WSMsgType, web

from common.simulation.faults.active import Faults
from common.simulation.faults.catalogue import Fault
from common.simulation.markets.model import MarketModel
from common.simulation.markets.wander import UNITS, Second, Wander

Place = Literal["rtds", "binance"]
TICK_S = 0.05
E18_A_UNIT = 10**18 // UNITS
TOPICS = ("crypto_prices_chainlink", "crypto_prices_twap_sixty")
STREAMS = ("trade", "bookTicker")
SPREAD_UNITS = UNITS // 100
FORGOTTEN = '{"body":{"message":"connection is not known"},"statusCode":500}'
INVALID = '{"body":{"message":"invalid request"},"statusCode":400}'


class _Client:
    """One connection: what it subscribes, by coin and channel, and the newest second that it was told of each."""

    def __init__(self, place: Place, socket: web.WebSocketResponse) -> None:
        self.place, self.socket = place, socket
        self.told: dict[tuple[str, str], int] = {}
        self.forgotten = False
        self.held: dict[tuple[str, str], str] = {}

    def subscribe(self, coin: str, channel: str) -> None:
        """From the next second on."""
        self.told.setdefault((coin, channel), time.time_ns() // 1_000_000)


class ReferenceSide:
    """Both endpoints, and the timer that tells each whole second once; without a model nothing is ever told."""

    def __init__(self, model: MarketModel | None, faults: Faults) -> None:
        self._model, self._faults = model, faults
        self._clients: set[_Client] = set()

    def routes(self) -> list[web.RouteDef]:
        """The two websockets."""
        return [web.get("/rtds", self._rtds), web.get("/stream", self._binance)]

    @property
    def connections(self) -> dict[Place, int]:
        """How many are open at each place."""
        places: tuple[Place, ...] = ("rtds", "binance")
        return {place: sum(client.place == place for client in self._clients) for place in places}

    async def run(self) -> None:
        """Tell what is new until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            if self._model is None:
                continue
            self._model.walk(time.time_ns() // 1_000_000)
            for client in list(self._clients):
                if self._fault(client, "frozen") is not None:
                    client.forgotten = True
                if not client.forgotten:
                    await self._tell(client)

    async def _tell(self, client: _Client) -> None:
        for (coin, channel), told_ms in list(client.told.items()):
            wander = None if self._model is None else self._model.prices(coin)
            for second in list(wander.seconds) if wander is not None else ():
                if second.at_ms > told_ms:
                    client.told[coin, channel] = second.at_ms
                    for frame in _frames(client.place, coin, channel, second, wander):
                        await self._send(client, (coin, channel), frame)

    async def _send(self, client: _Client, subscription: tuple[str, str], frame: str) -> None:
        held = client.held.pop(subscription, None)
        if held is None and self._fault(client, "disordered") is not None:
            client.held[subscription] = frame
            return
        frames = [frame] if held is None else [frame, held]
        if self._fault(client, "doubled") is not None:
            frames.append(frame)
        for each in frames:
            if not client.socket.closed:
                await client.socket.send_str(each)

    def _fault(self, client: _Client, kind: str) -> Fault | None:
        def hits(fault: Fault) -> bool:
            return fault.kind == kind and fault.token in ("", client.place)

        return next(iter(self._faults.take_all("reference", time.monotonic(), hits)), None)

    async def _rtds(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, "rtds", _answer_of_rtds)

    async def _binance(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, "binance", _answer_of_binance)

    async def _serve(
        self, request: web.Request, place: Place, answer: Callable[[_Client, str], str | None]
    ) -> web.StreamResponse:
        client = _Client(place, web.WebSocketResponse(compress=False, timeout=1.0))
        refusal = self._fault(client, "status")
        if refusal is not None:
            return web.Response(status=refusal.status, text="simulated refusal")
        await client.socket.prepare(request)
        self._clients.add(client)
        try:
            async for message in client.socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                refused = message.data != "PING" and self._fault(client, "refused") is not None
                said = INVALID if refused else answer(client, message.data)
                if said is not None:
                    await client.socket.send_str(said)
        finally:
            self._clients.discard(client)
        return client.socket

    async def stop(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(client.socket.close(code=1001) for client in list(self._clients)))


def _answer_of_rtds(client: _Client, text: str) -> str | None:
    """PING is answered even where the connection is forgotten: that is the known fault."""
    if text == "PING":
        return "PONG"
    if client.forgotten:
        return FORGOTTEN
    try:
        wanted = list(_wanted_of_rtds(json.loads(text)))
    except (ValueError, TypeError, KeyError):
        return INVALID
    for coin, topic in wanted:
        client.subscribe(coin, topic)
    return None


def _wanted_of_rtds(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Coin and topic of each subscription; a filter is a JSON text with one symbol. Raises as any bad request."""
    if request["action"] != "subscribe":
        raise ValueError("no subscription")
    for each in request["subscriptions"]:
        symbol = json.loads(each["filters"])["symbol"]
        if each["topic"] not in TOPICS or not symbol.endswith("/usd") or "," in symbol:
            raise ValueError("no such topic or symbol")
        yield symbol.removesuffix("/usd"), each["topic"]


def _answer_of_binance(client: _Client, text: str) -> str | None:
    try:
        request = json.loads(text)
        wanted = [stream.partition("usdt@")[::2] for stream in request["params"]]
        number = request["id"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return '{"error":{"code":2,"msg":"Invalid request"}}'
    if request.get("method") != "SUBSCRIBE" or any(stream not in STREAMS for _, stream in wanted):
        return json.dumps({"error": {"code": 2, "msg": "Invalid request"}, "id": number})
    for coin, stream in wanted:
        client.subscribe(coin, stream)
    return json.dumps({"result": None, "id": number})


def _frames(place: Place, coin: str, channel: str, second: Second, wander: Wander | None) -> Iterable[str]:
    if place == "rtds":
        averaged_s = wander.averaged_s if wander is not None else 0
        yield _rtds_frame(coin, channel, second, averaged_s)
    elif channel == "trade":
        yield _trade_frame(coin, second)
    else:
        yield _quote_frame(coin, second)


def _rtds_frame(coin: str, topic: str, second: Second, averaged_s: float) -> str:
    told = [f'"symbol":"{coin}/usd","timestamp":{second.at_ms}']
    if topic == TOPICS[0]:
        told.append(f'"value":{_dollars(second.price)}')
    else:
        told.append(f'"value":{_dollars(second.average)}')
        told.append(f'"full_accuracy_value":"{second.average * E18_A_UNIT}","window_s":{averaged_s:g}')
    sent_ms = time.time_ns() // 1_000_000
    return f'{{"topic":"{topic}","type":"update","timestamp":{sent_ms},"payload":{{{",".join(told)}}}}}'


def _trade_frame(coin: str, second: Second) -> str:
    number = second.at_ms // 1000
    return (
        f'{{"stream":"{coin}usdt@trade","data":{{"e":"trade","E":{second.at_ms + 1},"s":"{coin.upper()}USDT",'
        f'"t":{number},"p":"{_dollars(second.price)}","q":"0.00100000","T":{second.at_ms},"m":true,"M":true}}}}'
    )


def _quote_frame(coin: str, second: Second) -> str:
    bid, ask = _dollars(second.price - SPREAD_UNITS), _dollars(second.price + SPREAD_UNITS)
    return (
        f'{{"stream":"{coin}usdt@bookTicker","data":{{"u":{second.at_ms // 1000},"s":"{coin.upper()}USDT",'
        f'"b":"{bid}","B":"1.00000000","a":"{ask}","A":"1.00000000"}}}}'
    )


def _dollars(units: int) -> str:
    """With eight digits behind the point, as Binance writes them."""
    return f"{units // UNITS}.{units % UNITS:08d}"
