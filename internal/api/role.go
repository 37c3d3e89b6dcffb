package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// Role is Prisma's rbac.Role.
type Role struct {
	Description string           `json:"description,omitempty"`
	Name        string           `json:"name"`
	Perms       []RolePermission `json:"perms"`
	// System roles come with the Console and can't be changed.
	System bool `json:"system,omitempty"`
}

// RolePermission is Prisma's rbac.Permission.
type RolePermission struct {
	Name PermName `json:"name"`
	// ReadWrite is false when the permission is for reading only.
	ReadWrite bool `json:"readWrite,omitempty"`
}

// Names of the roles that come with the Console, as Prisma's API spells them. [RoleCloudAccounts] is ours.
const (
	RoleAdministrator        = "admin"
	RoleOperator             = "operator"
	RoleAuditor              = "auditor"
	RoleDevSecOps            = "devSecOps"
	RoleVulnerabilityManager = "vulnerabilityManager"
	RoleDevOps               = "devOps"
	RoleDefenderManager      = "defenderManager"
	RoleCloudAccounts        = "cloudAccountManager"
	RoleCI                   = "ci"
	RoleUser                 = "user"
	// RoleDefender is that of a Defender's token. No user can have it.
	RoleDefender = "defender"
)

// SystemRoles returns the roles that come with the Console, the mightiest first.
//
// What each may do follows Prisma's descriptions: an operator writes everything but users, roles, logins and the system's
// settings; an auditor reads everything; devSecOps reads what was found; devOps reads what concerns builds; the rest are for
// one job.
func SystemRoles() []Role {
	all := PermNames()
	found := []PermName{
		PermRadarsContainers, PermRadarsHosts, PermRadarsServerless, PermRadarsCloud, PermMonitorVuln, PermMonitorCompliance,
		PermMonitorImages, PermMonitorHosts, PermMonitorServerless, PermMonitorCloud, PermMonitorCI,
		PermMonitorRuntimeContainers, PermMonitorRuntimeHosts, PermMonitorRuntimeServerless, PermMonitorRuntimeIncidents,
		PermSandbox, PermMonitorWAAS, PermMonitorCNNF, PermMonitorAccessDocker, PermMonitorAccessKubernetes,
	}
	system := []PermName{PermAuthConfiguration, PermUserManagement, PermSystemOperations, PermPrivilegedOperations}
	screen := []PermName{PermAccessUI, PermUIEventSubscriber}
	return []Role{
		systemRole(RoleAdministrator, "Reads and writes everything.", all, nil),
		systemRole(RoleOperator, "Writes all rules and data, and reads users, roles, logins and the system's settings.",
			without(all, system), system),
		systemRole(RoleAuditor, "Reads all rules and data.",
			screen, without(all, append([]PermName{PermPrivilegedOperations}, screen...))),
		systemRole(RoleVulnerabilityManager, "Writes the policies of vulnerabilities and compliance, and reads what they found.",
			append([]PermName{
				PermPolicyContainers, PermPolicyHosts, PermPolicyServerless, PermPolicyCloud, PermPolicyComplianceCustomRules,
			}, screen...),
			append([]PermName{PermCollections, PermDownloads}, found[:11]...)),
		systemRole(RoleDevSecOps, "Reads what was found, but no policies and settings.",
			screen, append([]PermName{PermDownloads, PermCollections}, found...)),
		systemRole(RoleDefenderManager, "Installs, manages and removes Defenders.",
			append([]PermName{PermManageDefenders}, screen...),
			[]PermName{PermDownloads, PermCollections, PermRadarsServerless, PermMonitorServerless, PermMonitorCloud}),
		systemRole(RoleCloudAccounts, "Manages the credentials of cloud accounts and what is discovered with them.",
			append([]PermName{PermManageCreds, PermMonitorCloud}, screen...),
			[]PermName{PermDownloads, PermCollections, PermRadarsCloud, PermRadarsServerless, PermMonitorServerless}),
		systemRole(RoleDevOps, "Reads what concerns builds.",
			screen, []PermName{PermDownloads, PermMonitorCI, PermMonitorVuln, PermMonitorCompliance, PermMonitorServerless}),
		systemRole(RoleCI, "What a build pipeline needs: evaluating functions and fetching tools.",
			[]PermName{PermMonitorCI}, []PermName{PermDownloads, PermMonitorServerless}),
		systemRole(RoleUser, "Nothing but the calls that every user may make.", nil, nil),
	}
}

func systemRole(name, description string, writes, reads []PermName) Role {
	r := Role{Name: name, Description: description, System: true, Perms: []RolePermission{}}
	may := make(map[PermName]bool, len(writes)+len(reads))
	for _, p := range reads {
		may[p] = false
	}
	for _, p := range writes {
		may[p] = true
	}
	for _, p := range PermNames() {
		if readWrite, has := may[p]; has {
			r.Perms = append(r.Perms, RolePermission{Name: p, ReadWrite: readWrite})
		}
	}
	return r
}

func without(all, some []PermName) []PermName {
	var left []PermName
	for _, p := range all {
		if !slices.Contains(some, p) {
			left = append(left, p)
		}
	}
	return left
}

// Check returns what is wrong with a role that a user wrote, with [autodefend.CodeInvalid].
func (r Role) Check() error {
	if err := checkAccessName("name", r.Name); err != nil {
		return err
	}
	if strings.EqualFold(r.Name, RoleDefender) {
		return refused("name: %q is the role of Defenders' tokens", r.Name).WithHint("choose another name")
	}
	if len(r.Description) > maxDescription {
		return refused("description: has %d bytes, at most %d fit", len(r.Description), maxDescription)
	}
	seen := make(map[PermName]bool, len(r.Perms))
	for i, p := range r.Perms {
		if !IsPermName(p.Name) {
			return refused("perms[%d].name: there's no permission %q", i, shortened(string(p.Name))).
				WithHint("GET /rbac/roles shows all: the role %q has every one", RoleAdministrator)
		}
		if seen[p.Name] {
			return refused("perms[%d].name: %q is there twice", i, p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

const (
	maxNameSize    = 128
	maxDescription = 4096
)

// checkAccessName holds for users, groups, roles and tokens.
func checkAccessName(field, name string) error {
	switch {
	case name == "":
		return refused("%s: is missing", field)
	case len(name) > maxNameSize:
		return refused("%s: has %d bytes, at most %d fit", field, len(name), maxNameSize)
	case strings.TrimSpace(name) != name:
		return refused("%s: begins or ends with a space", field)
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == ':' || r == '\ufffd' }):
		return refused("%s: has a slash, a colon or a control character", field).WithHint("letters, digits, spaces and .-_@\\ are fine")
	}
	return nil
}

func refused(format string, args ...any) *autodefend.Error {
	return autodefend.Errorf(autodefend.CodeInvalid, format, args...)
}

// shortened shortens what a message quotes.
func shortened(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
}
