"""What a new store sells."""

from __future__ import annotations

from typing import NamedTuple


class Product(NamedTuple):
    """A product; its price is for one `period`, in cents, without tax."""

    code: str
    category: str
    name: str
    summary: str
    description: str
    price_cents: int
    period: str


PRODUCTS = (
    Product(
        "web-s",
        "Web hosting",
        "Web S",
        "One site, 10 GB, for a first home on the web.",
        "Space for one site with its own certificate, daily backups that you can restore yourself, and a mailbox. "
        "Moves up to Web M at any time without a new address.",
        390,
        "month",
    ),
    Product(
        "web-m",
        "Web hosting",
        "Web M",
        "Five sites, 50 GB, staging included.",
        "For a small business: five sites, a staging copy of each, ten mailboxes, and a database for every site.",
        890,
        "month",
    ),
    Product(
        "web-l",
        "Web hosting",
        "Web L",
        "Unlimited sites, 200 GB, priority support.",
        "For agencies: as many sites as fit, accounts for your colleagues, and somebody who answers within the hour.",
        1990,
        "month",
    ),
    Product(
        "vps-2",
        "Servers",
        "Server 2",
        "2 cores, 4 GB memory, 80 GB disk.",
        "A virtual server of your own with root access, snapshots and a firewall; no minimum term.",
        1190,
        "month",
    ),
    Product(
        "vps-4",
        "Servers",
        "Server 4",
        "4 cores, 8 GB memory, 160 GB disk.",
        "Room for a shop with its database, or for a build machine that is not in the way of anybody else.",
        2290,
        "month",
    ),
    Product(
        "vps-8",
        "Servers",
        "Server 8",
        "8 cores, 16 GB memory, 320 GB disk.",
        "For work that does not fit elsewhere: eight cores that nobody shares with you.",
        4490,
        "month",
    ),
    Product(
        "domain-com",
        "Domains",
        ".com domain",
        "Your name, with DNS and renewal reminders.",
        "Registration or transfer of a .com domain, name servers in three places, and a reminder before it runs out.",
        1290,
        "year",
    ),
    Product(
        "domain-org",
        "Domains",
        ".org domain",
        "For everybody who is not a shop.",
        "Registration or transfer of a .org domain, with the same name servers and the same reminders.",
        1390,
        "year",
    ),
    Product(
        "mail-10",
        "Mail",
        "Mail 10",
        "Ten mailboxes, 25 GB each.",
        "Mail for a team under its own domain, with calendars, shared folders and a spam filter that explains itself.",
        990,
        "month",
    ),
    Product(
        "backup-100",
        "Extras",
        "Backup 100",
        "100 GB in another building.",
        "Copies of sites and servers that are kept elsewhere for 90 days, encrypted with a key that only you have.",
        490,
        "month",
    ),
    Product(
        "ssl-org",
        "Extras",
        "Organisation certificate",
        "A certificate with your company's name.",
        "Issued after a check of your company's registration; renewed before it runs out.",
        5900,
        "year",
    ),
    Product(
        "move",
        "Extras",
        "Moving service",
        "We move your site, overnight.",
        "Tell us where your site is today, and find it here in the morning, tested and with the old one untouched.",
        4900,
        "once",
    ),
)
