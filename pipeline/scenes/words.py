"""Invented writing for the things of a scene: a title and the small lines that go with it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.scenes.chance import happens, pick
from pipeline.scenes.truth import ThingKind


@dataclass(frozen=True)
class Wording:
    """What a thing says, and the kinds of thing on which one would read it."""

    kinds: tuple[ThingKind, ...]
    title: str
    details: tuple[str, ...]


SHOPS = (
    "Bakery", "Florist", "Barber", "Bookshop", "Pharmacy", "Grocer", "Tailor", "Optician", "Butcher",
    "Cycles", "Toys", "Hats", "Shoes", "Music", "Antiques", "Hardware", "Garage", "Laundry", "Museum",
    "Theatre", "Hotel", "Bank", "Gallery", "Market", "Records", "Ceramics", "Stamps", "Clocks", "Kitchens",
    "Lamps", "Maps", "Paints",
)  # fmt: skip
SURNAMES = (
    "Linden", "Marlow", "Hansen", "Okafor", "Petrov", "Garcia", "Novak", "Tanaka", "Weber", "Moreau",
    "Keller", "Rossi", "Bergman", "Costa", "Duarte", "Fischer", "Haddad", "Jansen", "Kovacs", "Mercer",
    "Nguyen", "Osman", "Parker", "Quinn", "Ramos", "Santos", "Turner", "Varga", "Walsh", "Yamada", "Zeller",
    "Abbott", "Brandt",
)  # fmt: skip
FIRST_NAMES = (
    "Mira",
    "Luna",
    "Nora",
    "Vera",
    "Roma",
    "Anton",
    "Bruno",
    "Clara",
    "Greta",
    "Hugo",
    "Oscar",
    "Petra",
)
PLACES = (
    "Harbour", "Station", "Castle", "Garden", "Bridge", "River", "Orchard", "Meadow", "Summit", "Forest",
    "Canal", "Abbey", "Tower", "Beacon", "Valley", "Quarry", "Marina", "Terrace", "Windmill", "Fountain",
)  # fmt: skip
STREETS = ("Street", "Lane", "Road", "Square", "Court", "Avenue")
CITIES = (
    "Oslo",
    "Porto",
    "Vienna",
    "Zagreb",
    "Bergen",
    "Prague",
    "Genoa",
    "Bremen",
    "Geneva",
    "Krakow",
    "Malmo",
)
PRODUCTS = (
    "Apricot Jam", "Green Tea", "Honey", "Walnuts", "Rye Bread", "Goat Cheese", "Peaches", "Tomatoes",
    "Pears", "Coffee", "Pepper", "Mustard", "Oat Cakes", "Plums", "Carrots", "Mangoes", "Sea Salt",
    "Ginger", "Cherries", "Pumpkin", "Basmati Rice", "Soap", "Candles", "Olive Oil", "Almonds", "Butter",
    "Lemons", "Figs",
)  # fmt: skip
EVENTS = (
    "Jazz Night", "Book Fair", "Open Day", "Chess Cup", "Art Week", "Food Fest", "Tango Ball", "Film Club",
    "Harvest Feast", "Rowing Gala", "Poetry Slam", "Dance Show", "Science Day", "Puppet Show",
    "Winter Fair",
)  # fmt: skip
NOTICES = (
    "Entrance",
    "Reception",
    "Exit",
    "Parking",
    "Tickets",
    "Library",
    "Archive",
    "Studio",
    "Canteen",
    "Workshop",
)
MONTHS = ("Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")


def _whole(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _clock(rng: np.random.Generator) -> str:
    return f"{_whole(rng, 6, 23)}:{pick(rng, range(0, 60, 5)):02d}"


def _hours(rng: np.random.Generator) -> str:
    opening, closing = _whole(rng, 7, 10), _whole(rng, 16, 22)
    return pick(rng, (f"Open {opening}-{closing}", f"Mon-Sat {opening}-{closing}", f"Sundays {opening}-{closing}"))


def _phone(rng: np.random.Generator) -> str:
    return f"555-{_whole(rng, 2000, 9899)}"


def _price(rng: np.random.Generator) -> str:
    return f"{_whole(rng, 1, 48)}.{pick(rng, (20, 25, 40, 50, 60, 75, 80, 90, 95))}"


def _date(rng: np.random.Generator) -> str:
    return f"{_whole(rng, 2, 28)} {pick(rng, MONTHS)}"


def _shop(rng: np.random.Generator) -> Wording:
    shop, surname = pick(rng, SHOPS), pick(rng, SURNAMES)
    title = pick(
        rng,
        (
            shop.upper(),
            f"{surname} & Sons",
            f"{surname} {shop}",
            f"{pick(rng, PLACES)} {shop}",
            f"CAFE {pick(rng, FIRST_NAMES).upper()}",
            f"{pick(rng, FIRST_NAMES)}'s {shop}",
        ),
    )
    details = (_hours(rng), _phone(rng), f"Since {_whole(rng, 1874, 1998)}", f"Unit {_whole(rng, 12, 96)}")
    return Wording(("sign", "sign", "board", "plate"), title, details)


def _place(rng: np.random.Generator) -> Wording:
    title = f"{pick(rng, PLACES)} {_whole(rng, 12, 98)}"
    return Wording(("sign", "plate"), title, (_hours(rng), _phone(rng), f"Floor {_whole(rng, 2, 9)}"))


def _street(rng: np.random.Generator) -> Wording:
    name = pick(rng, PLACES + SURNAMES)
    details = (f"Houses {_whole(rng, 2, 40)}-{_whole(rng, 42, 96)}", f"District {_whole(rng, 2, 23)}")
    return Wording(("sign", "plate"), f"{name} {pick(rng, STREETS)}", details)


def _platform(rng: np.random.Generator) -> Wording:
    title = f"{pick(rng, ('Platform', 'Gate', 'Track', 'Bus', 'Tram', 'Ferry'))} {_whole(rng, 2, 29)}"
    details = (
        f"{pick(rng, CITIES)} {_clock(rng)}",
        f"{pick(rng, CITIES)} {_clock(rng)}",
        f"Zone {_whole(rng, 2, 6)}",
    )
    return Wording(("sign", "board"), title, details)


def _room(rng: np.random.Generator) -> Wording:
    title = f"{pick(rng, ('Room', 'Office', 'Hall', 'Desk', 'Locker', 'Dock'))} {_whole(rng, 12, 489)}"
    details = (f"Dr {pick(rng, SURNAMES)}", f"Floor {_whole(rng, 2, 9)}", _phone(rng), _hours(rng))
    return Wording(("plate", "plate", "sign"), title, details)


def _product(rng: np.random.Generator) -> Wording:
    weight = f"{_whole(rng, 11, 95) * 10} g"
    details = (_price(rng), weight, f"Lot {_whole(rng, 234, 986)}", f"Best {_date(rng)}")
    return Wording(("label", "label", "board"), pick(rng, PRODUCTS), details)


def _event(rng: np.random.Generator) -> Wording:
    details = (
        _date(rng),
        f"{_date(rng)} {_clock(rng)}",
        f"Hall {_whole(rng, 2, 9)}",
        f"Tickets {_price(rng)}",
    )
    return Wording(("poster", "poster", "board"), pick(rng, EVENTS), details)


def _notice(rng: np.random.Generator) -> Wording:
    title = pick(rng, NOTICES)
    title = title.upper() if happens(rng, 0.5) else f"{title} {_whole(rng, 2, 29)}"
    return Wording(("sign", "plate", "board"), title, (_hours(rng), f"Floor {_whole(rng, 2, 9)}", _phone(rng)))


FAMILIES: tuple[Callable[[np.random.Generator], Wording], ...] = (
    _shop, _shop, _place, _street, _platform, _room, _product, _product, _event, _event, _notice,
)  # fmt: skip


def invent(rng: np.random.Generator, detail_count: int, taken: frozenset[str]) -> Wording:
    """A wording with at most this many details, in random order, none of its lines among those taken."""
    while True:
        wording = pick(rng, FAMILIES)(rng)
        details = tuple(wording.details[i] for i in rng.permutation(len(wording.details))[:detail_count])
        lines = (wording.title, *details)
        if len(set(lines)) == len(lines) and taken.isdisjoint(lines):
            return Wording(wording.kinds, wording.title, details)
