package api

import "slices"

// PermName is Prisma's rbac.PermName.
type PermName string

// Prisma's names of permissions. Those of containers, hosts, images and the like guard nothing here: they are kept because
// clients write and read roles with them.
const (
	PermRadarsContainers            PermName = "radarsContainers"
	PermRadarsHosts                 PermName = "radarsHosts"
	PermRadarsServerless            PermName = "radarsServerless"
	PermRadarsCloud                 PermName = "radarsCloud"
	PermPolicyContainers            PermName = "policyContainers"
	PermPolicyHosts                 PermName = "policyHosts"
	PermPolicyServerless            PermName = "policyServerless"
	PermPolicyCloud                 PermName = "policyCloud"
	PermPolicyComplianceCustomRules PermName = "policyComplianceCustomRules"
	PermPolicyRuntimeContainer      PermName = "policyRuntimeContainer"
	PermPolicyRuntimeHosts          PermName = "policyRuntimeHosts"
	PermPolicyRuntimeServerless     PermName = "policyRuntimeServerless"
	PermPolicyCustomRules           PermName = "policyCustomRules"
	PermPolicyWAAS                  PermName = "policyWAAS"
	PermPolicyCNNF                  PermName = "policyCNNF"
	PermPolicyAccessSecrets         PermName = "policyAccessSecrets"
	PermPolicyAccessKubernetes      PermName = "policyAccessKubernetes"
	PermMonitorVuln                 PermName = "monitorVuln"
	PermMonitorCompliance           PermName = "monitorCompliance"
	PermMonitorImages               PermName = "monitorImages"
	PermMonitorHosts                PermName = "monitorHosts"
	PermMonitorServerless           PermName = "monitorServerless"
	PermMonitorCloud                PermName = "monitorCloud"
	PermMonitorCI                   PermName = "monitorCI"
	PermMonitorRuntimeContainers    PermName = "monitorRuntimeContainers"
	PermMonitorRuntimeHosts         PermName = "monitorRuntimeHosts"
	PermMonitorRuntimeServerless    PermName = "monitorRuntimeServerless"
	PermMonitorRuntimeIncidents     PermName = "monitorRuntimeIncidents"
	PermSandbox                     PermName = "sandbox"
	PermMonitorWAAS                 PermName = "monitorWAAS"
	PermMonitorCNNF                 PermName = "monitorCNNF"
	PermMonitorAccessDocker         PermName = "monitorAccessDocker"
	PermMonitorAccessKubernetes     PermName = "monitorAccessKubernetes"
	PermSystemLogs                  PermName = "systemLogs"
	PermManageDefenders             PermName = "manageDefenders"
	PermManageAlerts                PermName = "manageAlerts"
	PermCollections                 PermName = "collections"
	PermManageCreds                 PermName = "manageCreds"
	PermAuthConfiguration           PermName = "authConfiguration"
	PermUserManagement              PermName = "userManagement"
	PermSystemOperations            PermName = "systemOperations"
	PermPrivilegedOperations        PermName = "privilegedOperations"
	PermDownloads                   PermName = "downloads"
	PermAccessUI                    PermName = "accessUI"
	PermUIEventSubscriber           PermName = "uIEventSubscriber"
	PermUser                        PermName = "user"
	PermNone                        PermName = "none"
)

// PermNames returns all permissions in Prisma's order, but for [PermUser], which every user has, and [PermNone], which
// nobody needs.
func PermNames() []PermName {
	return []PermName{
		PermRadarsContainers, PermRadarsHosts, PermRadarsServerless, PermRadarsCloud,
		PermPolicyContainers, PermPolicyHosts, PermPolicyServerless, PermPolicyCloud, PermPolicyComplianceCustomRules,
		PermPolicyRuntimeContainer, PermPolicyRuntimeHosts, PermPolicyRuntimeServerless, PermPolicyCustomRules,
		PermPolicyWAAS, PermPolicyCNNF, PermPolicyAccessSecrets, PermPolicyAccessKubernetes,
		PermMonitorVuln, PermMonitorCompliance, PermMonitorImages, PermMonitorHosts, PermMonitorServerless,
		PermMonitorCloud, PermMonitorCI, PermMonitorRuntimeContainers, PermMonitorRuntimeHosts,
		PermMonitorRuntimeServerless, PermMonitorRuntimeIncidents, PermSandbox, PermMonitorWAAS, PermMonitorCNNF,
		PermMonitorAccessDocker, PermMonitorAccessKubernetes,
		PermSystemLogs, PermManageDefenders, PermManageAlerts, PermCollections, PermManageCreds, PermAuthConfiguration,
		PermUserManagement, PermSystemOperations, PermPrivilegedOperations, PermDownloads, PermAccessUI,
		PermUIEventSubscriber,
	}
}

// IsPermName reports whether Prisma has a permission of the name.
func IsPermName(name PermName) bool {
	return name == PermUser || name == PermNone || slices.Contains(PermNames(), name)
}
