"""The local teacher's many ways to say a thing, so that its traces are not one template."""

from random import Random

_SAYINGS: dict[str, tuple[str, ...]] = {
    "foreign": ("I do not understand what is asked here.",),
    "begin": (
        "I cannot make it out in this view, so I first look for {thing}.",
        "Nothing here can be read yet. I start by finding {thing}.",
        "To answer I need to find {thing} first.",
    ),
    "closer": (
        "There is writing here that I cannot make out at this size; I look closer.",
        "This spot may hold {thing}. It is too small to read, so I enlarge it.",
        "The letters are blurred at this size. A closer look at this spot should tell.",
        "I see something written here, but not what it says, so I zoom in.",
    ),
    "coarse": (
        "Let me first see this whole area in more detail.",
        "Several small texts stand here; I cut this area out to see which is the right one.",
    ),
    "together": (
        "I want to see all of it in one look before I answer.",
        "Now I look at the whole of it at once, to be sure how it belongs together.",
    ),
    "make_sure": ("I think I can read it. I make sure by reading it once more.",),
    "cut": (
        "The edge cuts the writing off, so the box has to be wider.",
        "Part of the line is outside of this look; I have the box widened.",
    ),
    "better": ("That is the right extent; I look at it.", "Now the box fits. I look at it closely."),
    "outline": (
        "I get the exact outline of what bears the writing.",
        "Something stands out here; I segment it to see how far it reaches.",
    ),
    "explore": (
        "None of what I have seen fits. I look at another part of the photo.",
        "It must be somewhere else, in a part that I have not seen closely.",
        "Nothing I can read here helps, so I go on to a part I have not looked at.",
    ),
    "explore_first": (
        "Nothing stands out in this view. I go through the photo part by part.",
        "I cannot see any writing from here, so I look at one part of the photo after another.",
    ),
    "conclude": (
        "Now it is clear: {answer}.",
        "I can see it plainly: {answer}.",
        "This shows it without doubt: {answer}.",
    ),
    "give_up": ("I have looked everywhere and cannot read it.",),
}


def say(what: str, rng: Random, **values: object) -> str:
    """One of the ways to say something."""
    return rng.choice(_SAYINGS[what]).format(**values)
