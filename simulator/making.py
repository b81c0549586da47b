"""New contacts, files and message numbers, as each kind of channel has them."""

from __future__ import annotations

from talkhouse.simulator import texts
from talkhouse.simulator.entities import Address, Attachment, Channel, ChannelKind, Contact
from talkhouse.simulator.records import Records

FILES: dict[str, tuple[str, str, int, int | None, int | None]] = {
    "image": ("receipt.png", "image/png", 48_213, 640, 480),
    "audio": ("voice-note.ogg", "audio/ogg", 22_871, None, None),
    "video": ("parcel.mp4", "video/mp4", 1_204_533, 1280, 720),
    "file": ("invoice.pdf", "application/pdf", 91_402, None, None),
    "location": ("", "", 0, None, None),
}


def new_contact(world: Records, channel: Channel) -> Contact:
    """A contact reachable through the channel: anonymous on two web chats in three."""
    random = world.random
    first, last, place, phone = texts.person(random)
    contact = Contact(
        id=world.new_id("contact", gap=5),
        uuid=world.new_uuid(),
        first_name=first,
        last_name=last,
        created_at=world.now,
        updated_at=world.now,
        city=place.city,
        country=place.country,
        country_code=place.code,
    )
    if channel.kind == "webchat" and random.random() < 0.66:
        contact.first_name, contact.last_name = texts.visitor(random), ""
        contact.city = contact.country = contact.country_code = None
    else:
        contact.email = f"{texts.plain(first)}.{texts.plain(last)}@example.com"
        contact.attributes = random.choice(({}, {"plan": "pro"}, {"plan": "free", "orders": 3}))
        if channel.kind != "webchat":
            contact.phone = phone
            contact.email = contact.email if random.random() < 0.5 else None
        if channel.kind == "api" or random.random() < 0.3:
            contact.identifier = f"crm-{random.randint(10_000, 99_999)}"
        tags = random.sample(list(world.tags), k=min(len(world.tags), random.choice((0, 0, 1, 2))))
        contact.tags = sorted(tags)
        contact.created_by = random.choice((None, *world.agents))
    world.contacts[contact.id] = contact
    return contact


def address_of(world: Records, contact: Contact, channel: Channel) -> Address:
    """Where the channel reaches the contact: its phone number, or an id made for it."""
    address = contact.address(channel.id)
    if address is None:
        by_phone = channel.kind in ("whatsapp", "sms", "rcs") and contact.phone
        source_id = by_phone.removeprefix("+") if by_phone else world.new_uuid()
        address = Address(channel.id, source_id)
        contact.addresses.append(address)
    return address


def attachments_of(world: Records, message_id: int, file_type: str) -> list[Attachment]:
    """One file of a type: image, audio, video, file or location."""
    if file_type not in FILES:
        raise LookupError(f"no attachment of type {file_type}")
    name, content_type, size, width, height = FILES[file_type]
    attachment = Attachment(
        id=world.new_id("attachment", gap=2),
        message_id=message_id,
        file_type=file_type,  # type: ignore[arg-type]
        file_name=name,
        content_type=content_type,
        size=size + world.random.randint(0, 9999) if size else 0,
        width=width,
        height=height,
    )
    if file_type == "audio":
        attachment.transcript = "Hi, I am calling about my order, please write back."
    if file_type == "location":
        attachment.latitude, attachment.longitude = 38.7223, -9.1393
    return [attachment]


def provider_message_id(world: Records, kind: ChannelKind) -> str:
    """The carrier's number of a message."""
    digits = f"{world.random.getrandbits(80):020X}"
    return f"wamid.HBg{digits}" if kind == "whatsapp" else f"sms_{digits.lower()}"
