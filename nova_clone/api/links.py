"""Links of resources to themselves."""

from __future__ import annotations

from nova_clone.web.call import Call

Link = dict[str, str]


def links_of(call: Call, collection: str, resource_id: str) -> list[Link]:
    """Return the links of one member of a collection: ``self`` and ``bookmark``."""
    return links_below(call.link_root, call.bookmark_root, f"{collection}/{resource_id}")


def links_below(link_root: str, bookmark_root: str, path: str) -> list[Link]:
    """Return both links of the resource at `path`."""
    return [
        {"rel": "self", "href": f"{link_root}/{path}"},
        {"rel": "bookmark", "href": f"{bookmark_root}/{path}"},
    ]


def bookmark(bookmark_root: str, path: str) -> list[Link]:
    """Return the one link of a resource that another API version may serve."""
    return [{"rel": "bookmark", "href": f"{bookmark_root}/{path}"}]
