from xml.etree import ElementTree as ET

from common.core.charts import Bar, Line, bars_panel, lines_panel, picture

HOSTILE = '<script>alert("x")</script>&'


def parsed(text: str) -> dict[str, list[ET.Element]]:
    """The elements by tag."""
    found: dict[str, list[ET.Element]] = {}
    for element in ET.fromstring(text).iter():
        found.setdefault(element.tag.rpartition("}")[2], []).append(element)
    return found


def test_a_line_breaks_where_nothing_is_known_and_gaps_are_shaded() -> None:
    lines = [Line("one", [0.5, None, 1.0, 0.25], [(0.2, 0.5)]), Line("other", [0.0, 0.0, 0.0, 0.0])]
    drawn = parsed(picture(lines_panel("Prices", lines, top=1.0, begin="12:00", end="12:05"), label="prices"))
    points = [element.attrib["points"].split() for element in drawn["polyline"]]
    assert [len(each) for each in points] == [2, 2, 4]  # the first value stands alone, as a dot
    assert points[0][0] == points[0][1]
    assert len([element for element in drawn["rect"] if element.attrib["class"] == "gap"]) == 1
    words = [element.text for element in drawn["text"]]
    assert {"Prices", "12:00", "12:05", "one", "other"} <= set(words)


def test_bars_are_as_long_as_their_values_also_where_all_are_nothing() -> None:
    drawn = parsed(picture(bars_panel("Cost", [Bar("a", 50.0, "50"), Bar("b", 100.0, "100")]), label="cost"))
    half, whole = (float(element.attrib["width"]) for element in drawn["rect"][1:])
    assert half * 2 == whole
    assert parsed(picture(bars_panel("Cost", [Bar("a", 0.0, "0")]), label="cost"))["rect"]
    assert parsed(picture(bars_panel("Cost", []), label="cost"))["text"]


def test_a_name_is_text_whatever_it_holds() -> None:
    lines = lines_panel(HOSTILE, [Line(HOSTILE, [1.0, 1.0])], top=1.0, begin=HOSTILE, end=HOSTILE)
    drawn = parsed(picture(lines, bars_panel(HOSTILE, [Bar(HOSTILE, 1.0, HOSTILE)]), label=HOSTILE))
    assert "script" not in drawn
    assert [element.text for element in drawn["text"]].count(HOSTILE) == 7
    assert drawn["svg"][0].attrib["aria-label"] == HOSTILE


def test_there_are_colours_for_light_and_for_dark() -> None:
    text = picture(label="nothing")
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    for part in (light, dark):
        assert ".back { fill: #" in part
        assert ".c5 { color: #" in part
