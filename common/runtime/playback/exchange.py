"""Makes an embedded exchange that plays a recording."""

from common.runtime.playback.books import PlayedBooks, RecordedTerms
from common.runtime.playback.feed import PlaybackFeed, Say
from common.runtime.playback.markets import RecordedMarkets
from common.runtime.playback.moments import items_of, moments, refuse_what_cannot_be_played
from common.runtime.playback.options import Playback
from common.simulation.faults.active import Faults
from common.simulation.options import SimulationOptions
from common.simulation.played import Play, Played


def playing(playback: Playback, say: Say) -> Play:
    """What an `ExchangeServer` plays. `say` gets what is worth telling, a sentence at a time.

    Reads the recording up to its start. Raises ArchiveError where it cannot be played.
    """
    refuse_what_cannot_be_played(playback)

    def play(options: SimulationOptions, faults: Faults) -> Played:
        books = PlayedBooks(RecordedTerms(playback))
        feed = PlaybackFeed(
            options,
            faults,
            playback,
            moments=moments(items_of(playback)),
            markets=RecordedMarkets(playback.names),
            books=books,
            say=say,
        )
        return Played(feed.listed, feed)

    return play
