"""The settings that a recorder under the drill runs with: quick, so that a few seconds see many commits and windows."""

from pathlib import Path

from common.simulation.options import ExchangeUrls

COMMIT_INTERVAL_S = 0.5
LISTED_SERIES = (
    "[btc-up-or-down-5m, btc-up-or-down-15m]"  # a series that is not listed is looked for on all pages
)


def settings_environment(urls: ExchangeUrls, run_dir: Path) -> dict[str, str]:
    """The environment variables that set them."""
    settings = {
        "EXCHANGE__WS_URL": urls.ws_url,
        "EXCHANGE__CLOB_URL": urls.clob_url,
        "EXCHANGE__GAMMA_URL": urls.gamma_url,
        "EXCHANGE__DATA_URL": urls.data_url,
        "MANIFEST__HTTP_PORT": "0",
        "WEBSOCKET__LEGS": "1",
        "REFERENCE__ENABLED": "false",
        "RESOLUTION__ENABLED": "false",  # a producer like the checkpointer, which is broken here
        "WRITER__COMMIT_INTERVAL_SECONDS": str(COMMIT_INTERVAL_S),
        "WRITER__ROTATION_INTERVAL_SECONDS": "5",
        "DISCOVERY__REFRESH_INTERVAL_SECONDS": "1",
        "DISCOVERY__SERIES": LISTED_SERIES,
        "REST_CHECKPOINT__INTERVAL_SECONDS": "1",
        "WEBSOCKET__RECONNECT_INITIAL_DELAY_SECONDS": "0.1",
        "PATHS__RUN_DIR": str(run_dir),
    }
    return {f"RECORDER__{key}": value for key, value in settings.items()}
