"""The compute REST API and the metadata service."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "api"

OPTIONS = [
    cfg.StrOpt(
        "auth_strategy",
        default="keystone",
        choices=["keystone", "noauth2"],
        help=(
            "How callers of Placement prove who they are: by a token of the identity service, "
            "or, for tests only, by a token that says user:project and is believed."
        ),
    ),
    cfg.IntOpt(
        "max_limit",
        default=1000,
        min=0,
        help="The most items that one page of a list may have.",
    ),
    cfg.StrOpt(
        "compute_link_prefix",
        help=(
            "The address that links to this API begin with, when it is behind a proxy. "
            "Unset: the address of the request."
        ),
    ),
    cfg.StrOpt(
        "glance_link_prefix",
        help=(
            "The address that links to images begin with. Unset: the address of the image service."
        ),
    ),
    cfg.BoolOpt(
        "enable_instance_password",
        default=True,
        help="Return the generated admin password of a new server.",
    ),
    cfg.BoolOpt(
        "use_neutron_default_nets",
        default=False,
        help="Allow default networks that belong to an admin project.",
    ),
    cfg.IntOpt(
        "metadata_cache_expiration",
        default=15,
        min=0,
        help="For how many seconds the metadata of a server is kept; 0 means not at all.",
    ),
    cfg.BoolOpt(
        "local_metadata_per_cell",
        default=False,
        help="The metadata service of this cell answers for servers of this cell only.",
    ),
    cfg.StrOpt(
        "dhcp_domain",
        default="novalocal",
        help="The domain that is added to host names in metadata; empty means none.",
    ),
    cfg.ListOpt(
        "vendordata_providers",
        default=["StaticJSON"],
        help="Where vendor data comes from. Possible values: StaticJSON, DynamicJSON.",
    ),
    cfg.StrOpt(
        "vendordata_jsonfile_path",
        help="The file of static vendor data.",
    ),
    cfg.ListOpt(
        "vendordata_dynamic_targets",
        default=[],
        help="Services that make vendor data, as name@url.",
    ),
    cfg.StrOpt(
        "config_drive_skip_versions",
        default="1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15 2008-02-01 2008-09-01",
        help="EC2 metadata versions, separated by spaces, that a config drive leaves out.",
    ),
    cfg.StrOpt(
        "instance_list_cells_batch_strategy",
        default="distributed",
        choices=["distributed", "fixed"],
        help=(
            "How a page of servers is divided among cells: distributed in shares, or fixed "
            "for each."
        ),
    ),
    cfg.BoolOpt(
        "instance_list_per_project_cells",
        default=False,
        help=("List the servers of a project from the cells that hold some, and ask no others."),
    ),
    cfg.BoolOpt(
        "list_records_by_skipping_down_cells",
        default=True,
        help="Leave out cells that do not answer; otherwise such a list is an error.",
    ),
    cfg.StrOpt(
        "response_validation",
        default="warn",
        choices=["error", "warn", "ignore"],
        help="What is done when a response does not match its schema.",
    ),
]
