"""``/v2/images/{image_id}/members``: which projects a shared image was offered to."""

from __future__ import annotations

import falcon
import msgspec

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord, bearer
from nova_clone.standalone.image.catalogue import Catalogue, may_change, now
from nova_clone.standalone.image.records import ImageRecord, Member, member_key, member_view
from nova_clone.standalone.wire import read_json, send_json

_MOST = 128


class MembersResource:
    """``/v2/images/{image_id}/members``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def on_get(self, req: falcon.Request, resp: falcon.Response, image_id: str) -> None:
        """List every member for the owner, and itself for a member."""
        caller = bearer(req)
        image = _shared(self._catalogue, caller, image_id)
        found = self._catalogue.members.list(image_id=image_id)
        if not may_change(caller, image):
            found = [one for one in found if one.member_id == caller.project_id]
        body = {"members": [member_view(one) for one in found], "schema": "/v2/schemas/members"}
        send_json(resp, body)

    def on_post(self, req: falcon.Request, resp: falcon.Response, image_id: str) -> None:
        """Offer the image to a project."""
        caller = bearer(req)
        project_id = read_json(req).get("member")
        if not isinstance(project_id, str) or not 0 < len(project_id) <= 255:
            raise errors.Invalid("Expecting to find member in the request body.")
        self._catalogue.owned(caller, image_id)
        _shared(self._catalogue, caller, image_id)
        if self._catalogue.members.count(image_id=image_id) >= _MOST:
            raise errors.TooLarge(f"An image has at most {_MOST} members.")
        moment = now()
        member = Member(
            id=member_key(image_id, project_id),
            image_id=image_id,
            member_id=project_id,
            created_at=moment,
            updated_at=moment,
        )
        self._catalogue.members.insert(member)
        send_json(resp, member_view(member))


class MemberResource:
    """``/v2/images/{image_id}/members/{member_id}``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, image_id: str, member_id: str
    ) -> None:
        """Show a membership."""
        send_json(resp, member_view(self._found(bearer(req), image_id, member_id)))

    def on_put(
        self, req: falcon.Request, resp: falcon.Response, image_id: str, member_id: str
    ) -> None:
        """Accept or reject the image, as the member."""
        caller = bearer(req)
        status = read_json(req).get("status")
        member = self._found(caller, image_id, member_id)
        if caller.project_id != member_id and not caller.is_admin:
            raise errors.Forbidden("Only the member may accept or reject an image.")
        try:
            changed = msgspec.convert(
                {
                    **msgspec.to_builtins(member),
                    "status": status,
                    "updated_at": now(),
                },
                Member,
            )
        except msgspec.ValidationError as error:
            raise errors.Invalid("Status is one of pending, accepted, rejected.") from error
        self._catalogue.members.replace(changed, expected=member)
        send_json(resp, member_view(changed))

    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, image_id: str, member_id: str
    ) -> None:
        """Take the offer back."""
        caller = bearer(req)
        self._catalogue.owned(caller, image_id)
        member = self._found(caller, image_id, member_id)
        self._catalogue.members.delete(member.id)
        resp.status = falcon.HTTP_204

    def _found(self, caller: TokenRecord, image_id: str, member_id: str) -> Member:
        image = _shared(self._catalogue, caller, image_id)
        member = self._catalogue.members.find(member_key(image_id, member_id))
        known = may_change(caller, image) or caller.project_id == member_id
        if member is None or not known:
            raise errors.NotFound(f"{member_id} is not a member of image {image_id}.")
        return member


def _shared(catalogue: Catalogue, caller: TokenRecord, image_id: str) -> ImageRecord:
    image = catalogue.show(caller, image_id)
    if image.visibility != "shared":
        raise errors.Forbidden("Only shared images have members.")
    return image
