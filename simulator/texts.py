"""Names, places and short lines of customer care, chosen by the World's own random numbers."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from random import Random
from typing import Any, NamedTuple


class Place(NamedTuple):
    city: str
    country: str
    code: str
    prefix: str
    digits: int
    firsts: str
    lasts: str


PLACES = (
    Place("Lisbon", "Portugal", "PT", "+35191", 7, "Rita João Inês Rui", "Alves Pinto Reis Melo"),
    Place("Porto", "Portugal", "PT", "+35193", 7, "Beatriz Diogo Clara", "Lopes Faria Antunes"),
    Place("Monterrey", "Mexico", "MX", "+5281", 8, "Ximena Emilio Lucía", "Garza Treviño Núñez"),
    Place("Puebla", "Mexico", "MX", "+52222", 7, "Renata Mateo Camila", "Ortega Juárez Solís"),
    Place("Bandung", "Indonesia", "ID", "+62812", 8, "Dewi Budi Sari Eko", "Santoso Wijaya Putri"),
    Place("Lyon", "France", "FR", "+336", 8, "Chloé Hugo Manon Élodie", "Girard Roux Lefèvre"),
)

_VISITORS = ("quiet river", "late snow", "blue field", "misty dawn", "bold pine", "calm wave")

_INCOMING = (
    "Hi, I placed an order last week and it still says preparing",
    "Any news on my refund?",
    "The tracking number you sent does not work",
    "Hello! Do you deliver on Saturdays?",
    "I was charged twice for order A-{n}",
    "ok thanks",
    "Can I change the delivery address please",
    "¿Me pueden ayudar con mi factura?",
    "Bom dia, a encomenda chegou partida 😕",
    "Bonjour, je voudrais annuler ma commande {n}",
    "Halo kak, apakah barang masih tersedia?",
    "It works now, thank you so much!",
    "I've been waiting since Monday…",
    "Order {n}",
    "The app closes when I tap on “Pay”",
    "Yes, that one",
    "Is there a discount for 10 units or more?",
    "How do I reset my password?",
    "STOP",
    "👍",
    "You said two days, it has been five.\nThis is not acceptable.",
    "Could you send me the invoice again?",
)
_OUTGOING = (
    "Hi! Thanks for writing, let me check that for you.",
    "Could you share your order number?",
    "I see it: your parcel leaves the warehouse tomorrow morning.",
    "Your refund of {n},50 € was approved, it takes 3 to 5 days.",
    "Sorry about that! I have asked the courier to try again.",
    "I have updated the address 👍",
    "Claro, te envío la factura en un momento.",
    "Obrigada pela paciência, já está resolvido.",
    "Merci, c'est noté pour la commande {n}.",
    "Baik kak, mohon ditunggu ya 🙏",
    "Is there anything else I can help you with?",
    "We close at 18:00, I will come back to you first thing tomorrow.",
    "Please try again now, the payment page is fixed.",
    "Here is the invoice you asked for.",
)
_BOT = (
    "Hello! I am the assistant. Choose: 1 Orders, 2 Refunds, 3 Talk to a person",
    "Thanks, an agent will be with you shortly.",
    "We are closed now. We will answer tomorrow from 9:00.",
    "I did not understand that, could you rephrase?",
)
_NOTES = (
    "Customer called as well, see ticket {n}",
    "@Billing can you check this charge?",
    "VIP, be quick",
    "Refund approved by finance",
    "Duplicate of the conversation from last week",
)
_GOOD = ("Great support", "Very quick, thanks!", "Muy amable", "Perfeito")
_BAD = ("Slow", "Had to explain everything three times", "Not solved")

STATUS_ACTIVITY = {
    "open": "Conversation was reopened by {agent}",
    "resolved": "Conversation was marked resolved by {agent}",
    "pending": "Conversation was marked as pending by {agent}",
    "snoozed": "Conversation was snoozed by {agent}",
}


def person(random: Random) -> tuple[str, str, Place, str]:
    """First name, last name, place and a fictional phone number there."""
    place = random.choice(PLACES)
    first, last = random.choice(place.firsts.split()), random.choice(place.lasts.split())
    digits = "".join(str(random.randint(0, 9)) for _ in range(place.digits))
    return first, last, place, place.prefix + digits


def visitor(random: Random) -> str:
    """What a web chat calls somebody it does not know."""
    return f"{random.choice(_VISITORS).replace(' ', '-')}-{random.randint(1, 999)}"


def line(random: Random, kind: str, private: bool) -> str:
    """Something that the customer, an agent, the bot or a colleague would write."""
    lines = {"incoming": _INCOMING, "outgoing": _OUTGOING, "template": _BOT}.get(kind, _OUTGOING)
    return random.choice(_NOTES if private else lines).format(n=random.randint(100, 9999))


def csat_feedback(random: Random, rating: int) -> str:
    return random.choice(_GOOD if rating > 3 else _BAD)


def plain(name: str) -> str:
    """A name in ASCII, as an e-mail address has it."""
    decomposed = unicodedata.normalize("NFKD", name.lower())
    return "".join(c for c in decomposed if c.isascii() and c.isalnum())


def browser(random: Random, now: datetime) -> dict[str, Any]:
    """What a web chat knows of the visitor's browser."""
    name, version = random.choice((("Firefox", "139.0"), ("Chrome", "137.0"), ("Safari", "18.4")))
    return {
        "browser": {
            "device_name": "Unknown",
            "browser_name": name,
            "platform_name": random.choice(("Linux", "macOS", "Windows", "Android")),
            "browser_version": version,
            "platform_version": "",
        },
        "referer": random.choice(
            ("https://shop.example.com/help", "https://shop.example.com/cart")
        ),
        "initiated_at": {"timestamp": now.strftime("%a %b %d %Y %H:%M:%S GMT+0000")},
        "browser_language": random.choice(("en", "pt", "es", "fr")),
    }
