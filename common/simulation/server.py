"""The embedded exchange on one loopback port: websocket, REST books, Gamma, and an admin surface.

`POST /simulation/fault` takes a fault as JSON (see common.simulation.faults.catalogue), `GET /simulation/status` tells
what is on.
"""

import asyncio
import json
import logging
import os
import random
import time
from email.utils import formatdate
from pathlib import Path

import msgspec
from aiohttp import WSMsgType, web

from common.core.exchange_told import EXCHANGE_HEADER
from common.errors import ConfigError, ExchangeError
from common.simulation.audience import IMPOSSIBLE
from common.simulation.connection import Connection
from common.simulation.faults.active import Faults
from common.simulation.faults.catalogue import AT_ONCE, ON_BOOKS, Fault, fault_from
from common.simulation.options import ExchangeUrls, SimulationOptions
from common.simulation.oracle import CF_RAY, OracleLog, next_number
from common.simulation.played import Play, made_up
from common.simulation.reference import ReferenceSide
from common.simulation.rest import HttpSide, json_response
from common.simulation.subscription import answer_to

log = logging.getLogger("simulated_exchange")


NO_SERVICES = ("/ws/", "/simulation/", "/rtds", "/stream")  # whose answers a `date` fault leaves alone
EXCHANGE_NAME = (
    "simulated"  # in every answer, the websocket handshake's too: what a client hears is not a market
)


class ExchangeServer:
    """Listens from `start` to `stop`; everything happens in one event loop."""

    def __init__(self, options: SimulationOptions, play: Play | None = None) -> None:
        """`play` makes what is played, else made-up markets trade. Raises ConfigError for a fault it cannot have."""
        self._options = options
        self._oracle = Path(options.oracle) if options.oracle else None
        if self._oracle is not None:
            self._oracle.mkdir(parents=True, exist_ok=True)
        self._next_number = next_number(self._oracle) if self._oracle else 1
        self._faults = Faults()
        played = (play or made_up)(options, self._faults)
        self._model, self._feed = played.listed, played.feed
        self._reference = ReferenceSide(played.prices, self._faults)
        self._timer: asyncio.Task[None] | None = None
        self._reference_timer: asyncio.Task[None] | None = None
        app = web.Application()
        app.on_response_prepare.append(self._sign)
        app.add_routes(HttpSide(self._model, self._faults).routes())
        app.add_routes(self._reference.routes())
        app.add_routes(
            [
                web.get("/ws/market", self._websocket),
                web.post("/simulation/fault", self._fault),
                web.get("/simulation/status", self._status),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        for fault in options.faults:
            self._refuse_impossible(fault)
            self._faults.add(fault, time.monotonic())
        self._model.set_shapes(options.faults)

    async def start(self) -> ExchangeUrls:
        """Bind and begin to trade. Raises ExchangeError when the address cannot be had."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._options.host, self._options.port)
        try:
            await site.start()
        except OSError as error:
            place = f"{self._options.host}:{self._options.port}"
            raise ExchangeError(
                f"{place}: cannot listen ({error.strerror}); choose another --port"
            ) from error
        self._timer = asyncio.create_task(self._feed.run())
        self._reference_timer = asyncio.create_task(self._reference.run())
        port = self._runner.addresses[0][1]
        log.info("listening", extra={"host": self._options.host, "port": port})
        return ExchangeUrls.at(self._options.host, port, os.getpid())

    def _refuse_impossible(self, fault: Fault) -> None:
        if fault.name in self._feed.cannot:
            raise ConfigError(f"fault {fault.name}: {IMPOSSIBLE}")

    async def run_until(self, stop: asyncio.Event) -> None:
        """Play until `stop` is set or all is played; a bug in the timer ends the exchange, which is not silent then."""
        assert self._timer is not None
        assert self._reference_timer is not None
        waiter, timers = asyncio.create_task(stop.wait()), (self._timer, self._reference_timer)
        await asyncio.wait([waiter, *timers], return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        for timer in timers:
            if timer.done():
                await timer

    async def stop(self) -> None:
        """Close every connection with a close frame, finish the oracle, give back the port."""
        timers = [timer for timer in (self._timer, self._reference_timer) if timer is not None]
        for timer in timers:
            timer.cancel()
        if timers:
            await asyncio.wait(timers)
        await self._reference.stop()
        open_now = list(self._feed.connections.values())
        await asyncio.gather(*(connection.close(1001, self._feed.closing_words) for connection in open_now))
        await self._runner.cleanup()

    async def _sign(self, request: web.Request, response: web.StreamResponse) -> None:
        """Put into every answer that it is not from the market; a wrong or an old Date into those of a `date` fault."""
        response.headers[EXCHANGE_HEADER] = EXCHANGE_NAME
        is_service = not request.path.startswith(NO_SERVICES)
        fault = self._faults.take("date", time.monotonic()) if is_service else None
        if fault is not None:
            at_s = time.time() + fault.offset_seconds - fault.age_seconds
            response.headers["Date"] = formatdate(at_s, usegmt=True)
            response.headers["Age"] = str(fault.age_seconds)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        now = time.monotonic()
        refusal = self._faults.take("handshake", now)
        if refusal is not None:
            return web.Response(status=refusal.status, text="simulated refusal")
        if self._faults.take("stall", now) is not None:
            await asyncio.sleep(3600)
        number, self._next_number = self._next_number, self._next_number + 1
        socket = web.WebSocketResponse(compress=False, timeout=1.0)
        socket.headers["cf-ray"] = f"{CF_RAY}{number}"
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        account = OracleLog(self._oracle, number, time.time_ns()) if self._oracle else None
        connection = Connection(number, socket, request.transport, account)
        connection.silent = self._faults.take("silent", now) is not None
        connection.pongs_only = self._faults.take("pongs_only", now) is not None
        connection.books_only = self._faults.take("books_only", now) is not None
        self._feed.add(connection)
        try:
            await self._listen(connection, socket)
        finally:
            connection.finish()
            self._feed.remove(connection)
        return socket

    async def _listen(self, connection: Connection, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            connection.last_traffic_s = time.monotonic()
            if message.type is not WSMsgType.TEXT:
                continue
            reply = answer_to(connection, message.data)
            if reply.text:
                self._feed.put(connection, reply.text.encode())
            if reply.open_books is not None:
                self._feed.open_books(connection, reply.open_books)
                await self._act_from_the_start(connection)
            else:
                self._feed.route()

    async def _fault(self, request: web.Request) -> web.Response:
        try:
            fault = fault_from(await request.json())
            self._refuse_impossible(fault)
        except (ConfigError, json.JSONDecodeError) as error:
            return json_response(json.dumps({"error": str(error)}), status=400)
        log.info("fault", extra={"fault": msgspec.to_builtins(fault)})
        if fault.name == "clear":
            self._faults.clear()
        elif fault.name in AT_ONCE:
            chosen = [one for one in self._feed.connections.values() if fault.connection in (0, one.number)]
            if not chosen:
                return json_response('{"error":"no such connection is open"}', status=409)
            await asyncio.gather(*(self._act(connection, fault) for connection in chosen))
        else:
            self._faults.add(fault, time.monotonic())
        self._model.set_shapes(self._faults.active(time.monotonic()))
        return json_response('{"ok":true}')

    async def _act_from_the_start(self, connection: Connection) -> None:
        for name in sorted(AT_ONCE):
            fault = self._faults.take(name, time.monotonic(), connection=connection.number)
            if fault is not None:
                await self._act(connection, fault)

    async def _act(self, connection: Connection, fault: Fault) -> None:
        if fault.name == "cut":
            part = self._feed.frame(b'{"market":"0x').wire[:-5] if fault.mid_frame else b""
            connection.cut("cut in mid-frame" if part else "cut", part=part, reset=fault.reset)
        elif fault.name == "close":
            await connection.close(fault.code, fault.reason)
        elif fault.name in ON_BOOKS:
            for _ in range(max(fault.count, 1)):
                self._feed.act_on_books(connection, fault)
        else:
            for _ in range(max(fault.count, 1)):
                self._feed.put(connection, _payload(fault), opcode=fault.opcode)

    async def _status(self, _request: web.Request) -> web.Response:
        connections = [
            {
                "number": connection.number,
                "tokens": len(connection.tokens),
                "flagged": connection.flagged,
                "frames_sent": connection.frames_sent,
            }
            for connection in self._feed.connections.values()
        ]
        status = {
            "connections": connections,
            "frames_made": self._feed.frames_made,
            "reference_connections": self._reference.connections,
            "faults": self._faults.active(time.monotonic()),
        }
        return json_response(msgspec.json.encode(status).decode())


def _payload(fault: Fault) -> bytes:
    if fault.name == "raw":
        return fault.raw_payload()
    if fault.name == "huge":
        head, tail = b'{"event_type":"huge","filler":"', b'"}'
        return head + b"x" * max(fault.bytes - len(head) - len(tail), 0) + tail
    if fault.kind == "utf8":
        return b'{"event_type":"\xff\xfe\xc3\x28"}'
    return f'{{"event_type":"price_change", {random.random()} garbage'.encode()  # noqa: S311 - no secret
