package api

import "strings"

// The enumerations of audits, each value between spaces.
const (
	runtimeEffects    = " block prevent alert disable "
	firewallEffects   = " ban prevent alert allow disable reCAPTCHA "
	runtimeTypes      = " processes network kubernetes filesystem "
	runtimeSeverities = " low medium high "
	protections       = " firewall dos bot custom accessControl "
	providers         = " aws azure gcp alibaba oci others "
	tiers             = " kernel preload watch "
	coverages         = " enforced detected seen none "
	owaspTop10        = " brokenAccessControl cryptographicFailures injection insecureDesign "
	owaspAPITop10     = " excessiveDataExposure lackOfResources&RateLimiting brokenFunctionLevelAuthorization securityMisconfiguration injection "
	fieldTypes        = " method xmlBody jsonBody formBody multipartBody rawBody rawBodyResponse protobufBody query queryParamName cookie header url "

	runtimeAttacks = " cloudMetadataProbing kubeletAPIAccess kubeletReadonlyAccess kubectlSpawned kubectlDownloaded" +
		" horizontalPortScanning verticalPortScanning explicitlyDeniedIP customFeedIP feedIP unexpectedOutboundPort" +
		" suspiciousNetworkActivity unexpectedListeningPort explicitlyDeniedListeningPort explicitlyDeniedOutboundPort" +
		" listeningPortModifiedProcess outboundPortModifiedProcess feedDNS explicitlyDeniedDNS dnsQuery unexpectedProcess" +
		" portScanProcess malwareProcessCustom malwareProcessFeed explicitlyDeniedProcess modifiedProcess cryptoMinerProcess" +
		" lateralMovementProcess tmpfsProcess policyHijacked reverseShell suidBinaries unknownOriginBinary webShell" +
		" administrativeAccount encryptedBinary sshAccess explicitlyDeniedFile malwareFileCustom malwareFileFeed execFileAccess" +
		" elfFileAccess secretFileAccess regFileAccess wildfireMalware fileIntegrity alteredBinary malwareDownloaded" +
		" suspiciousELFHeader executionFlowHijackAttempt customRule "

	firewallAttacks = " xss sqli cmdi lfi codeInjection deniedIP deniedCountry header violationsExceeded attackTools shellshock" +
		" disallowedFile malformedRequest inspectionLimitExceeded informationLeak unexpectedAPI dos searchEngineCrawler" +
		" businessAnalyticsBot educationalBot newsBot financialBot contentFeedClient archivingBot careerSearchBot mediaSearchBot" +
		" genericBot webAutomationTool webScraper apiLibrary httpLibrary sessionValidation javascriptTimeout missingCookie" +
		" browserImpersonation botImpersonation requestAnomalies userDefinedBot recaptchaRequired recaptchaVerificationFailed" +
		" customRule publicSensitiveDataWithoutAuthentication publicSensitiveDataWithoutEncryption "

	techniques = " exploitationForPrivilegeEscalation exploitPublicFacingApplication applicationExploitRCE networkServiceScanning" +
		" endpointDenialOfService exfiltrationGeneral systemNetworkConfigurationDiscovery unsecuredCredentials credentialDumping" +
		" systemInformationDiscovery systemNetworkConnectionDiscovery systemUserDiscovery accountDiscovery" +
		" cloudInstanceMetadataAPI accessKubeletMainAPI queryKubeletReadonlyAPI accessKubernetesAPIServer" +
		" softwareDeploymentTools ingressToolTransfer lateralToolTransfer commandAndControlGeneral resourceHijacking" +
		" manInTheMiddle nativeBinaryExecution foreignBinaryExecution createAccount accountManipulation" +
		" abuseElevationControlMechanisms supplyChainCompromise obfuscatedFiles hijackExecutionFlow impairDefences" +
		" scheduledTaskJob exploitationOfRemoteServices eventTriggeredExecution accountAccessRemoval privilegedContainer" +
		" writableVolumes execIntoContainer softwareDiscovery createContainer kubernetesSecrets fileAndDirectoryDiscovery" +
		" masquerading webShell compileAfterDelivery "

	incidentCategories = " portScanning hijackedProcess dataExfiltration kubernetes backdoorAdministrativeAccount backdoorSSHAccess" +
		" cryptoMiner lateralMovement bruteForce customRule alteredBinary suspiciousBinary executionFlowHijackAttempt" +
		" reverseShell malware cloudProvider "
	incidentTypes = " host container function appEmbedded fargate "

	mgmtTypes = " login profile settings rule user group credential tag role pairing "

	defenderTypes = " none docker dockerWindows containerdWindows swarm daemonset serverLinux serverWindows cri fargate appEmbedded" +
		" tas tasWindows serverless ecs podman eksFargate "
	defenderCategories = " container host serverless appEmbedded hostAgentless containerAgentless cloudSecurityAgent "
)

// oneOf tells whether an enumeration has a value.
func oneOf(list, value string) bool {
	return value != "" && !strings.Contains(value, " ") && strings.Contains(list, " "+value+" ")
}

// values lists an enumeration for a hint, as far as a reader would read it.
func values(list string) string {
	all := strings.Fields(list)
	if len(all) > 12 {
		return strings.Join(all[:12], ", ") + ", ..."
	}
	return strings.Join(all, ", ")
}
