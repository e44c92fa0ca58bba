//! Who calls: users, roles, permissions, and the scope that every store function asks for.

use serde::{Deserialize, Serialize};

use crate::{OrganizationId, UserId};

/// What a user is in one organization, from most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, also giving the organization away.
    Owner,
    /// Users, pipelines, settings.
    Admin,
    /// Documents and jobs.
    Member,
    /// Reads only.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Owner, Role::Admin, Role::Member, Role::Viewer];

    /// The name in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Member => "member",
            Role::Viewer => "viewer",
        }
    }

    /// The role with this name.
    pub fn parse(text: &str) -> Option<Role> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }

    /// Whether the role may do this. The table is the whole policy.
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::ReadDocuments | Permission::ReadJobs | Permission::ReadPipelines | Permission::ReadOrganization => true,
            Permission::WriteDocuments | Permission::RunJobs => !matches!(self, Role::Viewer),
            Permission::WritePipelines
            | Permission::HoldDocuments
            | Permission::WriteRetention
            | Permission::ReadUsers
            | Permission::ReadAudit
            | Permission::ReadOverview
            | Permission::ReadSystem => {
                matches!(self, Role::Owner | Role::Admin)
            }
        }
    }
}

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// List, open and download documents.
    ReadDocuments,
    /// Upload and delete documents.
    WriteDocuments,
    /// Put documents on hold, and lift holds.
    HoldDocuments,
    /// See jobs and their artifacts.
    ReadJobs,
    /// Start, cancel and retry jobs.
    RunJobs,
    /// List and open pipelines.
    ReadPipelines,
    /// Save and delete pipelines.
    WritePipelines,
    /// See the organization and its languages.
    ReadOrganization,
    /// Say how long documents are kept.
    WriteRetention,
    /// List the organization's users.
    ReadUsers,
    /// Read the audit log.
    ReadAudit,
    /// See the organization's figures.
    ReadOverview,
    /// See how the installation is, and how the organization's jobs went.
    ReadSystem,
}

/// Who is calling now: user, organization, role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The organization that the session works in.
    pub organization: OrganizationId,
    /// The user's role there.
    pub role: Role,
    /// Whether the user administers the platform.
    pub is_platform_admin: bool,
}

impl Principal {
    /// The scope of this caller's store calls.
    pub fn scope(&self) -> Scope {
        Scope { organization: self.organization, actor: Some(self.user) }
    }
}

/// The organization in which a store function works, and who asked. There is no SQL about an organization's rows without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Whose rows.
    pub organization: OrganizationId,
    /// Who asked; `None` for the system's own work on a leased task.
    pub actor: Option<UserId>,
}

impl Scope {
    /// The scope of the system's own work in `organization`.
    pub fn system(organization: OrganizationId) -> Self {
        Self { organization, actor: None }
    }
}
