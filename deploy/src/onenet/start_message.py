"""The message on the screen when the platform is ready."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from onenet.services import Layout
from onenet.state import read_json

SHOWN_ROLES = ("clerk", "decider", "department_admin", "platform_admin")


def start_message(layout: Layout, seconds: float) -> Group:
    base = layout.base_url
    return Group(
        Text(f"\nOne-Network is ready after {seconds:.1f} s.\n", style="bold green"),
        address_table(base, layout),
        Text(""),
        sign_in_table(read_json(layout.home.samples)),
        Text(
            "\nTry next, in another terminal of this folder:\n"
            "  make story                the main job, told step by step\n"
            f"  curl -G {base}/api/v1/items --data-urlencode q=低保\n"
            "  make delay                event delays between the services\n"
            f"All sample accounts: {layout.home.samples}\n"
            "Ctrl-C stops everything.\n"
        ),
    )


def address_table(base: str, layout: Layout) -> Table:
    table = Table(title="Addresses", title_justify="left", show_header=False)
    for name, address in (
        ("API", f"{base}/api/v1"),
        ("Documentation", f"{base}/docs"),
        ("OpenAPI", f"{base}/openapi.json"),
        ("Sign-in", f"{base}/.well-known/openid-configuration"),
        ("Logs", str(layout.home.folder / "logs")),
        ("Data", str(layout.home.place)),
    ):
        table.add_row(name, address)
    return table


def sign_in_table(samples: dict[str, list[dict[str, object]]] | None) -> Table:
    if samples is None:
        return Table(title="No sample data was loaded.", show_header=False)
    table = Table("who", "username", "password", title="Sample sign-ins", title_justify="left")
    rows = [("citizen", samples["citizens"][0]), ("company's agent", samples["companies"][0])]
    for role in SHOWN_ROLES:
        holder = next((member for member in samples["staff"] if member["roles"] == [role]), None)
        if holder:
            rows.append((role.replace("_", " "), holder))
    for who, account in rows:
        table.add_row(who, str(account["username"]), str(account["password"]))
    return table
