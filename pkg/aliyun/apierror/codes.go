package apierror

// exact is the table of codes whose meaning does not depend on the operation,
// taken from the vendor's error tables of ECS 2014-05-26, VPC 2016-04-28,
// SLB 2014-05-15 and STS 2015-04-01. Misspelt codes are spelt as they are sent.
var exact = byCode(map[Kind][]string{
	NotFound: {
		// ECS
		"InvalidInstanceId.NotFound", "InvalidDiskId.NotFound", "InvalidSnapshotId.NotFound",
		"InvalidSecurityGroupId.NotFound", "InvalidResourceId.NotFound", "InvalidEniId.NotFound",
		// VPC
		"InvalidRouteTable.NotFound", "InvalidRouteTableId.NotFound", "InvalidRouteEntry.NotFound",
		"InvalidNextHopId.NotFound", "InvalidInstanId.NotFound", "InvalidVSwitchId.NotFound",
		"InvalidVpcId.NotFound", "InvalidAllocationId.NotFound", "VPC_ROUTER_ENTRY_NOT_EXIST",
		// SLB
		"InvalidLoadBalancerId.NotFound", "ListenerNotFound", "ResourceNotFound.VServerGroup", "ResourceNotFound.MasterSlaveServerGroup",
		"ResourceNotFound.vServers",
		"InvalidServerId.NotFound", "InvalidServerId.NotExist", "VSwitchNotExist",
		"AclNotExist", "CertificateNotExist", "ServerCertificateId.NotFound",
		// STS
		"EntityNotExist.Role",
	},
	Conflict: {
		// any
		"IdempotentParameterMismatch",
		// ECS
		"IncorrectInstanceStatus", "IncorrectDiskStatus", "IncorrectDiskStatus.NeverAttached",
		"InvalidDisk.InUse", "InvalidDisk.AlreadyDetached", "DiskStillAttached", "InvalidDevice.InUse",
		"DiskId.StatusNotSupported", "InvalidDiskStatus.DeleteProtection",
		"InvalidOperation.DeletionProtection", "ChargeTypeViolation", "InvalidIPAddress.AlreadyUsed",
		// VPC
		"InvalidAssociation.Duplicated", "InvalidCIDRBlock.Duplicate", "InvalidRouteEntry.Duplicate", "RouterEntryConflict.Duplicated",
		"Duplicated.VpcNextHop", "RouteConflict.AlreadyExist", "VPC_ROUTE_ENTRY_CIDR_BLOCK_DUPLICATE",
		// SLB. A token conflict asks for reading what the token has made, not for repeating.
		"LX_REQUEST_TOKEN_CONFLICT", "ListenerAlreadyExists", "ListenerPortConflict",
		"InvalidParameter.ListenerPortConflict", "RspoolVipExist", "RspoolRuleExist",
		"ObtainIpFail", "InvalidBackendServers.ServerIpConflict", "Operation.NotAllowed",
		"INSTANCE_HAS_INACTIVE_CHANGE", "ModifySpecNotAllowed", "ChangeLbSpecNotAllowed",
		"CertificateAndPrivateKeyIsRefered",
	},
	Busy: {
		// any
		"SystemBusy", "LastTokenProcessing", "IdempotentProcessing", "LastOrderProcessing",
		// ECS
		"InvalidOperation.Conflict", "InvalidOperation.DiskDetachingFromThisEcs", "DisksDetachingOnEcsExceeded",
		"IncorrectInstanceStatus.Initializing", "IncorrectDiskStatus.Initializing",
		"IncorrectDiskStatus.CreatingSnapshot", "DiskCreatingSnapshot", "DiskInCoolingPeriod",
		"InvalidSnapshot.NotReady", "InvalidSnapshotId.NotReady",
		// VPC
		"TaskConflict", "IncorrectRouteEntryStatus", "IncorrcetRouteEntryStatus", "IncorrectVpcStatus",
		"IncorrectVSwitchStatus", "OperationFailed.DistibuteLock", "IncorrectEipStatus",
		"InvalidBindingStatus", "FrequentPurchase.EIP", "VPC_ROUTE_ENTRY_STATUS_ERROR",
		// SLB
		"OperationBusy", "ServiceIsStopping", "ServiceIsConfiguring", "BackendServer.configuring",
		"OperationFailed.ListenerStatusNotSupport", "ListenerStatusNotSupport", "ListenerProcessing",
		"VServerGroupProcessing", "OperationFailed.ServiceGroupProcessing", "BackendServerProcessing",
		"AclEntryProcessing", "DomainExtensionProcessing", "VpcSystemBusy", "ProcessingSameRequest",
		"OperationFailed.TokenIsProcessing",
	},
	Denied: {
		"InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive", "SignatureDoesNotMatch",
		"IncompleteSignature", "InvalidTimeStamp.Format", "InvalidTimeStamp.Expired",
		"MissingSecurityToken", "UnauthorizedRegion", "Forbbiden",
		// ECS
		"DiskInArrears", "InstanceExpiredOrInArrears", "InstanceLockedForSecurity", "DiskError", "UserNotInTheWhiteList",
	},
	Quota: {
		// ECS
		"InstanceDiskLimitExceeded", "DiskAttachedNumberExceeded", "OperationDenied.NoStock", "InvalidVSwitchId.IpNotEnough", "Zone.NotOnSale", "TagsPerResource",
		// SLB
		"VSwitchAvailableIpNotExist", "PRODUCT.INSUFFICIENT_STOCK", "ResourceInsufficientBalance",
		"ORDER.QUANTITY_INVALID", "ORDER.QUOTA_EXCEEDED", "TagCountLimit", "TagCreateCountLimit",
		"VipTooManyListeners", "DomainExtension.Quota", "BackendServerAttachedNumberOverLimit",
	},
	Invalid: {
		// any
		"InvalidParameter", "InvalidAction.NotFound", "InvalidVersion", "NoSuchVersion",
		"InvalidRegionId.NotFound", "UnsupportedOperation", "UnsupportedHTTPMethod", "UnknownParameter", "DryRunOperation",
		// ECS
		"InvalidZoneId.NotFound", "InvalidDataDiskSize.ValueNotSupported", "InvalidDiskSize",
		"InvalidDiskSize.NotSupported", "InvalidDiskSize.TooSmall", "InvalidDiskSize.TooLarge",
		"InvalidDataDiskCategory.NotSupported", "InvalidDiskCategory.NotSupported",
		"InvalidDiskIds.Malformed", "ResourcesNotInSameZone", "DiskNotPortable", "DiskTypeViolation",
		"NotSupportDiskCategory", "IncorrectInstanceStatus.NotSupportESSD",
		"InvalidOperation.InstanceTypeNotSupport", "InvalidOperation.DiskQueueNumberNotEnough",
		"InvalidOperation.OtherInstanceUnsupported", "InvalidInstance.ZoneConflict",
		"InvalidKMSKeyId.NotFound", "DeleteWithInstance.Conflict",
		"DiskCategory.OperationNotSupported", "DiskId.ValueNotSupported",
		// VPC
		"InvalidCidrBlock", "InvalidCidrBlock.Malformed", "OperationFailed.InstanceDismatchCurrentVpc",
		"OperationFailed.FilterParamUnderWrongRouteType",
		// SLB
		"RegionNotSupport", "ZoneNotSupport", "InvalidBandwidth.Value", "BackendServer.InvalidType", "DuplicatedParam", "SizeLimitExceeded.Tag",
		"TooManyBackendServers", "NetworkConflict", "InvalidWeight.Malformed", "BackendServersMalformed",
		"Abs.VServerGroupIdAndMasterSlaveServerGroupId.MissMatch", "IpVersionConflict",
		"AclEntryEmpty", "KeyFormatError", "CertificateNotMatchPrivateKey",
	},
	// A nonce that was used already means that the network delivered the request
	// twice: the first delivery may have been executed.
	Unavailable: {"InternalError", "SignatureNonceUsed"},
})

func byCode(groups map[Kind][]string) map[string]Kind {
	out := make(map[string]Kind, 160)
	for kind, codes := range groups {
		for _, code := range codes {
			if old, twice := out[code]; twice {
				panic("apierror: code " + code + " is both " + old.String() + " and " + kind.String())
			}
			out[code] = kind
		}
	}
	return out
}

// TokenUsed reports whether err says that the client token of the call was used for
// a call with other parameters: what that call made has to be found before another
// token is tried. Nothing was changed.
func TokenUsed(err error) bool {
	switch CodeOf(err) {
	case "IdempotentParameterMismatch", "LX_REQUEST_TOKEN_CONFLICT":
		return true
	}
	return false
}

// CredentialsRefused reports whether code says that the API did not accept the
// credentials as such, so that fresh ones may help. Nothing was changed.
func CredentialsRefused(code string) bool {
	switch code {
	case "InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive", "SignatureDoesNotMatch",
		"MissingSecurityToken", "InvalidSecurityToken.Expired", "InvalidSecurityToken.Malformed",
		"InvalidSecurityToken.MismatchWithAccessKey":
		return true
	}
	return false
}
