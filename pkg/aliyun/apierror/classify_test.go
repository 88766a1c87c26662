package apierror

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

type answer struct {
	product, action, code, message string
	status                         int
	want                           Kind
}

// The answers as the vendor's error tables publish them.
var published = []answer{
	// the gateway, any action
	{"Ecs", "DescribeInstances", "MissingParameter", "", 400, Invalid},
	{"Ecs", "DescribeInstances", "MissingInstanceId", "", 400, Invalid},
	{"Ecs", "DescribeInstances", "InvalidParameter", "", 400, Invalid},
	{"Slb", "CreateLoadBalancer", "InvalidParameter.LoadBalancerName", "", 400, Invalid},
	{"Ecs", "DescribeInstances", "InvalidInstanceIds.Malformed", "", 400, Invalid},
	{"Ecs", "Nonsense", "InvalidAction.NotFound", "Specified api is not found, please check your url and method.", 404, Invalid},
	{"Ecs", "DescribeInstances", "InvalidVersion", "", 400, Invalid},
	{"Ecs", "DescribeInstances", "NoSuchVersion", "", 400, Invalid},
	{"Ecs", "DescribeInstances", "InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404, Denied},
	{"Slb", "DescribeLoadBalancers", "InvalidAccessKeyId.NotFound", "", 400, Denied},
	{"Ecs", "DescribeInstances", "InvalidAccessKeyId.Inactive", "", 400, Denied},
	{"Ecs", "DescribeInstances", "SignatureDoesNotMatch", "", 400, Denied},
	{"Ecs", "DescribeInstances", "SignatureDoesNotMatch", "", 403, Denied},
	{"Ecs", "DescribeInstances", "IncompleteSignature", "", 400, Denied},
	{"Ecs", "DescribeInstances", "InvalidTimeStamp.Format", "", 400, Denied},
	{"Ecs", "DescribeInstances", "InvalidTimeStamp.Expired", "", 400, Denied},
	{"Ecs", "DescribeInstances", "SignatureNonceUsed", "", 400, Unavailable},
	{"Ecs", "DescribeInstances", "MissingSecurityToken", "", 400, Denied},
	{"Ecs", "DescribeInstances", "InvalidSecurityToken.Expired", "", 400, Denied},
	{"Ecs", "DescribeInstances", "InvalidSecurityToken.Malformed", "", 400, Denied},
	{"Ecs", "DescribeInstances", "InvalidSecurityToken.MismatchWithAccessKey", "", 400, Denied},
	{"Ecs", "DescribeInstances", "Forbidden", "", 403, Denied},
	{"Ecs", "DescribeInstances", "Forbidden.RAM", "", 403, Denied},
	{"Sts", "AssumeRole", "NoPermission", "", 403, Denied},
	{"Ecs", "DescribeInstances", "UnauthorizedRegion", "", 403, Denied},
	{"Ecs", "DescribeInstances", "InvalidRegionId.NotFound", "", 404, Invalid},
	{"Ecs", "DescribeInstances", "DryRunOperation", "", 400, Invalid},
	{"Ecs", "DescribeInstances", "Throttling", "Request was denied due to request throttling.", 400, Throttled},
	{"Ecs", "DescribeInstances", "Throttling.User", "", 400, Throttled},
	{"Vpc", "CreateRouteEntries", "Throttling.Api", "", 400, Throttled},
	{"Slb", "DescribeLoadBalancers", "Throttling.ConcurrentLimitExceeded", "", 400, Throttled},
	{"Slb", "DescribeLoadBalancers", "Throttling.Api.Concurrency", "", 400, Throttled},
	{"Slb", "DescribeLoadBalancers", "Rejected.Throttling", "", 400, Throttled},
	{"Slb", "DescribeLoadBalancers", "Whatever", "", 429, Throttled},
	{"Slb", "DescribeLoadBalancers", "Throttling", "", 503, Throttled},
	{"Ecs", "DescribeInstances", "InternalError", "", 500, Unavailable},
	{"Ecs", "DescribeInstances", "ServiceUnavailable", "", 503, Unavailable},
	{"Slb", "DescribeLoadBalancers", "ServiceUnavailable.Backend", "", 400, Unavailable},
	{"Ecs", "AttachDisk", "UnsupportedOperation", "", 400, Invalid},
	{"Ecs", "AttachDisk", "OperationDenied", "", 403, Conflict},

	// ECS
	{"Ecs", "DescribeInstanceAttribute", "InvalidInstanceId.NotFound", "", 404, NotFound},
	{"Ecs", "DescribeDisks", "InvalidDiskIds.Malformed", "", 403, Invalid},
	{"Ecs", "CreateDisk", "InvalidZoneId.NotFound", "", 404, Invalid},
	{"Ecs", "CreateDisk", "InvalidDataDiskSize.ValueNotSupported", "", 400, Invalid},
	{"Ecs", "CreateDisk", "InvalidDiskSize.NotSupported", "", 400, Invalid},
	{"Ecs", "CreateDisk", "InvalidDataDiskCategory.NotSupported", "", 403, Invalid},
	{"Ecs", "CreateDisk", "InvalidDiskCategory.NotSupported", "", 400, Invalid},
	{"Ecs", "CreateDisk", "Zone.NotOnSale", "", 400, Quota},
	{"Ecs", "CreateDisk", "OperationDenied.NoStock", "", 403, Quota},
	{"Ecs", "CreateDisk", "InvalidAccountStatus.NotEnoughBalance", "", 403, Denied},
	{"Ecs", "CreateDisk", "InvalidSnapshotId.NotFound", "", 404, NotFound},
	{"Ecs", "CreateDisk", "InvalidSnapshot.NotReady", "", 403, Busy},
	{"Ecs", "CreateDisk", "InvalidSnapshotId.NotReady", "", 403, Busy},
	{"Ecs", "CreateDisk", "InvalidDiskSize.TooSmall", "", 403, Invalid},
	{"Ecs", "CreateDisk", "QuotaExceed.DiskCapacity", "", 403, Quota},
	{"Ecs", "CreateDisk", "LastTokenProcessing", "", 403, Busy},
	{"Ecs", "CreateDisk", "IdempotentParameterMismatch", "", 400, Conflict},
	{"Ecs", "AttachDisk", "InvalidDiskId.NotFound", "", 404, NotFound},
	{"Ecs", "AttachDisk", "IncorrectDiskStatus", "", 403, Conflict},
	{"Ecs", "AttachDisk", "InvalidDisk.InUse", "", 404, Conflict},
	{"Ecs", "AttachDisk", "InstanceDiskLimitExceeded", "", 403, Quota},
	{"Ecs", "AttachDisk", "ResourcesNotInSameZone", "", 403, Invalid},
	{"Ecs", "AttachDisk", "DiskNotPortable", "", 403, Invalid},
	{"Ecs", "AttachDisk", "IncorrectInstanceStatus", "", 403, Conflict},
	{"Ecs", "AttachDisk", "OperationConflict.DisksAttachingParallellyExceed", "", 400, Busy},
	{"Ecs", "AttachDisk", "InvalidOperation.Conflict", "", 400, Busy},
	{"Ecs", "DetachDisk", "DependencyViolation", "", 403, Conflict},
	{"Ecs", "DetachDisk", "InvalidDisk.AlreadyDetached", "", 404, Conflict},
	{"Ecs", "DetachDisk", "InvalidOperation.DiskDetachingFromThisEcs", "", 403, Busy},
	{"Ecs", "DetachDisk", "DisksDetachingOnEcsExceeded", "", 400, Busy},
	{"Ecs", "DetachDisk", "DiskTypeViolation", "", 403, Invalid},
	{"Ecs", "DeleteDisk", "DiskStillAttached", "", 403, Conflict},
	{"Ecs", "DeleteDisk", "IncorrectDiskStatus.Initializing", "", 403, Busy},
	{"Ecs", "DeleteDisk", "DiskCreatingSnapshot", "", 403, Busy},
	{"Ecs", "DeleteDisk", "DiskInCoolingPeriod", "", 403, Busy},
	{"Ecs", "ResizeDisk", "InvalidDiskSize", "", 403, Invalid},
	{"Ecs", "ResizeDisk", "InvalidDiskSize.TooLarge", "", 403, Invalid},
	{"Ecs", "ResizeDisk", "IncorrectDiskStatus.CreatingSnapshot", "", 403, Busy},
	{"Ecs", "ResizeDisk", "LastOrderProcessing", "", 400, Busy},
	{"Ecs", "CreateSnapshot", "IncorrectDiskStatus.NeverAttached", "", 403, Conflict},
	{"Ecs", "CreateSnapshot", "QuotaExceed.Snapshot", "", 403, Quota},
	{"Ecs", "CreateSnapshot", "IdempotentProcessing", "", 403, Busy},
	{"Ecs", "RunInstances", "InvalidVSwitchId.NotFound", "", 404, NotFound},
	{"Ecs", "RunInstances", "InvalidSecurityGroupId.NotFound", "", 404, NotFound},
	{"Ecs", "RunInstances", "InvalidInstanceType.NotSupported", "", 403, Invalid},
	{"Ecs", "RunInstances", "InvalidInstanceType.ValueNotSupported", "", 403, Invalid},
	{"Ecs", "DeleteInstance", "IncorrectInstanceStatus.Initializing", "", 403, Busy},
	{"Ecs", "DeleteInstance", "InvalidOperation.DeletionProtection", "", 403, Conflict},
	{"Ecs", "DeleteInstance", "DependencyViolation.RouteEntry", "", 400, Conflict},
	{"Ecs", "DeleteInstance", "DependencyViolation.SLBConfiguring", "", 400, Conflict},
	{"Ecs", "TagResources", "InvalidResourceId.NotFound", "", 404, NotFound},
	{"Ecs", "TagResources", "InvalidTagKey.Malformed", "", 400, Invalid},
	{"Ecs", "TagResources", "TagsPerResource", "", 400, Quota},

	// VPC
	{"Vpc", "DescribeRouteEntryList", "InvalidRouteTable.NotFound", "", 400, NotFound},
	{"Vpc", "DescribeRouteEntryList", "IllegalParam.NextToken", "", 400, Invalid},
	{"Vpc", "DescribeRouteEntryList", "OperationFailed.FilterParamUnderWrongRouteType", "", 400, Invalid},
	{"Vpc", "CreateRouteEntry", "TaskConflict", "", 400, Busy},
	{"Vpc", "CreateRouteEntry", "IncorrectRouteEntryStatus", "", 400, Busy},
	{"Vpc", "CreateRouteEntry", "IncorrectStatus.RouteTableStatus", "", 400, Busy},
	{"Vpc", "CreateRouteEntry", "IncorrectVpcStatus", "", 400, Busy},
	{"Vpc", "CreateRouteEntry", "IncorrectVSwitchStatus", "", 400, Busy},
	{"Vpc", "CreateRouteEntry", "OperationConflict", "", 400, Busy},
	{"Vpc", "CreateRouteEntry", "OperationFailed.DistibuteLock", "", 400, Busy},
	{"Vpc", "CreateRouteEntry", "SystemBusy", "", 400, Busy},
	{"Vpc", "CreateRouteEntry", "InvalidCIDRBlock.Duplicate", "", 400, Conflict},
	{"Vpc", "CreateRouteEntry", "InvalidRouteEntry.Duplicate", "", 400, Conflict},
	{"Vpc", "CreateRouteEntry", "RouterEntryConflict.Duplicated", "", 400, Conflict},
	{"Vpc", "CreateRouteEntry", "Duplicated.VpcNextHop", "", 400, Conflict},
	{"Vpc", "CreateRouteEntry", "RouteConflict.AlreadyExist", "", 400, Conflict},
	{"Vpc", "CreateRouteEntry", "InvalidCidrBlock", "", 400, Invalid},
	{"Vpc", "CreateRouteEntry", "InvalidCidrBlock.Malformed", "", 400, Invalid},
	{"Vpc", "CreateRouteEntry", "QuotaExceeded", "", 400, Quota},
	{"Vpc", "CreateRouteEntry", "QuotaExceeded.RouteEntry", "", 400, Quota},
	{"Vpc", "CreateRouteEntry", "InvalidRouteTableId.NotFound", "", 404, NotFound},
	{"Vpc", "CreateRouteEntry", "InvalidNextHopId.NotFound", "", 404, NotFound},
	{"Vpc", "CreateRouteEntry", "InvalidInstanId.NotFound", "", 404, NotFound},
	{"Vpc", "CreateRouteEntry", "OperationFailed.InstanceDismatchCurrentVpc", "", 404, Invalid},
	{"Vpc", "DeleteRouteEntry", "InvalidRouteEntry.NotFound", "", 400, NotFound},
	{"Vpc", "DeleteRouteEntry", "OperationDenied", "", 400, Conflict},
	{"Vpc", "DeleteRouteEntry", "IncorrcetRouteEntryStatus", "", 400, Busy},
	{"Vpc", "DeleteRouteEntry", "Forbbiden", "", 403, Denied},
	{"Vpc", "CreateRouteEntries", "VPC_ROUTE_ENTRY_CIDR_BLOCK_DUPLICATE", "", 200, Conflict},
	{"Vpc", "CreateRouteEntries", "VPC_ROUTE_ENTRY_STATUS_ERROR", "", 200, Busy},
	{"Vpc", "DeleteRouteEntries", "VPC_ROUTER_ENTRY_NOT_EXIST", "", 200, NotFound},
	{"Vpc", "AssociateEipAddress", "IncorrectEipStatus", "", 400, Busy},
	{"Vpc", "AssociateEipAddress", "InvalidBindingStatus", "", 400, Busy},
	{"Vpc", "AllocateEipAddress", "FrequentPurchase.EIP", "", 400, Busy},
	{"Vpc", "ReleaseEipAddress", "InvalidAllocationId.NotFound", "", 404, NotFound},

	// SLB
	{"Slb", "CreateLoadBalancer", "Operation.NotAllowed", "", 400, Conflict},
	{"Slb", "CreateLoadBalancer", "InvalidParameter", "The IP address is not in subnet", 400, Invalid},
	{"Slb", "CreateLoadBalancer", "VSwitchNotExist", "", 400, NotFound},
	{"Slb", "CreateLoadBalancer", "VSwitchAvailableIpNotExist", "", 400, Quota},
	{"Slb", "CreateLoadBalancer", "RegionNotSupport", "", 400, Invalid},
	{"Slb", "CreateLoadBalancer", "ZoneNotSupport", "", 400, Invalid},
	{"Slb", "CreateLoadBalancer", "PRODUCT.INSUFFICIENT_STOCK", "", 400, Quota},
	{"Slb", "CreateLoadBalancer", "ResourceInsufficientBalance", "", 400, Quota},
	{"Slb", "CreateLoadBalancer", "ORDER.QUANTITY_INVALID", "", 400, Quota},
	{"Slb", "CreateLoadBalancer", "ORDER.QUOTA_EXCEEDED", "", 400, Quota},
	{"Slb", "CreateLoadBalancer", "PAY.INSUFFICIENT_BALANCE", "", 400, Denied},
	{"Slb", "CreateLoadBalancer", "PAY.SOMETHING_NEW", "", 400, Denied},
	{"Slb", "CreateLoadBalancer", "LX_REQUEST_TOKEN_CONFLICT", "", 400, Conflict},
	{"Slb", "CreateLoadBalancer", "ProcessingSameRequest", "", 400, Busy},
	{"Slb", "CreateLoadBalancer", "OperationFailed.TokenIsProcessing", "", 400, Busy},
	{"Slb", "CreateLoadBalancer", "TagCountLimit", "", 400, Quota},
	{"Slb", "TagResources", "TagCreateCountLimit", "", 400, Quota},
	{"Slb", "TagResources", "SizeLimitExceeded.Tag", "", 400, Invalid},
	{"Slb", "CreateLoadBalancer", "DuplicatedParam", "", 400, Invalid},
	{"Slb", "DeleteLoadBalancer", "InvalidLoadBalancerId.NotFound", "The specified LoadBalancerId does not exist.", 404, NotFound},
	{"Slb", "DeleteLoadBalancer", "OperationDenied.DeleteProtectionIsOn", "", 400, Conflict},
	{"Slb", "ModifyLoadBalancerInternetSpec", "INSTANCE_HAS_INACTIVE_CHANGE", "", 400, Conflict},
	{"Slb", "ModifyLoadBalancerInstanceSpec", "ModifySpecNotAllowed", "", 400, Conflict},
	{"Slb", "ModifyLoadBalancerInstanceSpec", "ChangeLbSpecNotAllowed", "", 400, Conflict},
	{"Slb", "CreateLoadBalancerTCPListener", "ListenerAlreadyExists", "", 400, Conflict},
	{"Slb", "CreateLoadBalancerTCPListener", "ListenerPortConflict", "", 400, Conflict},
	{"Slb", "CreateLoadBalancerTCPListener", "InvalidParameter.ListenerPortConflict", "", 400, Conflict},
	{"Slb", "CreateLoadBalancerTCPListener", "ListenerNumberOverLimit", "", 400, Quota},
	{"Slb", "CreateLoadBalancerTCPListener", "VipTooManyListeners", "", 400, Quota},
	{"Slb", "CreateLoadBalancerTCPListener", "ResourceNotFound.VServerGroup", "", 400, NotFound},
	{"Slb", "CreateLoadBalancerTCPListener", "Abs.VServerGroupIdAndMasterSlaveServerGroupId.MissMatch", "", 400, Invalid},
	{"Slb", "CreateLoadBalancerTCPListener", "AclNotExist", "", 400, NotFound},
	{"Slb", "CreateLoadBalancerTCPListener", "IpVersionConflict", "", 400, Invalid},
	{"Slb", "CreateLoadBalancerHTTPSListener", "CertificateNotExist", "", 400, NotFound},
	{"Slb", "CreateLoadBalancerHTTPSListener", "ServerCertificateId.NotFound", "", 404, NotFound},
	{"Slb", "CreateLoadBalancerUDPListener", "InvalidParamLength.HealthCheckReq", "", 400, Invalid},
	{"Slb", "StartLoadBalancerListener", "ListenerNotFound", "", 404, NotFound},
	{"Slb", "StartLoadBalancerListener", "ListenerProcessing", "", 400, Busy},
	{"Slb", "StartLoadBalancerListener", "OperationFailed.ListenerStatusNotSupport", "", 400, Busy},
	{"Slb", "DescribeLoadBalancerTCPListenerAttribute", "InvalidParameter", "The specified resource does not exist.", 400, NotFound},
	{"Slb", "SetLoadBalancerUDPListenerAttribute", "InvalidParameter", "The specified resource does not exist.", 400, NotFound},
	{"Slb", "DeleteLoadBalancerListener", "InvalidParameter", "The specified resource does not exist.", 400, NotFound},
	{"Slb", "DeleteLoadBalancerListener", "InvalidParameter", "ListenerPort is wrong.", 400, Invalid},
	{"Slb", "CreateLoadBalancerTCPListener", "InvalidParameter", "The specified resource does not exist.", 400, Invalid},
	{"Slb", "DescribeVServerGroupAttribute", "InvalidParameter", "The specified VServerGroupId does not exist.", 404, NotFound},
	{"Slb", "DeleteVServerGroup", "InvalidParameter", "The specified VServerGroupId does not exist.", 404, NotFound},
	{"Slb", "DeleteVServerGroup", "InvalidParameter", "The specified VServerGroupId is malformed.", 404, Invalid},
	{"Slb", "AddVServerGroupBackendServers", "TooManyBackendServers", "", 400, Invalid},
	{"Slb", "AddVServerGroupBackendServers", "ObtainIpFail", "", 400, Conflict},
	{"Slb", "AddVServerGroupBackendServers", "InvalidServerId.NotExist", "", 400, NotFound},
	{"Slb", "AddBackendServers", "InvalidServerId.NotFound", "", 404, NotFound},
	{"Slb", "AddBackendServers", "NetworkConflict", "", 400, Invalid},
	{"Slb", "AddBackendServers", "InvalidBackendServers.ServerIpConflict", "", 400, Conflict},
	{"Slb", "AddBackendServers", "InvalidWeight.Malformed", "", 400, Invalid},
	{"Slb", "AddBackendServers", "BackendServersMalformed", "", 400, Invalid},
	{"Slb", "AddBackendServers", "BackEndServerNumberOverLimit", "", 400, Quota},
	{"Slb", "DeleteVServerGroup", "RspoolVipExist", "", 400, Conflict},
	{"Slb", "DeleteVServerGroup", "RspoolRuleExist", "", 400, Conflict},
	{"Slb", "DeleteVServerGroup", "VServerGroupProcessing", "", 400, Busy},
	{"Slb", "DeleteVServerGroup", "OperationFailed.ServiceGroupProcessing", "", 400, Busy},
	{"Slb", "AddBackendServers", "BackendServerProcessing", "", 400, Busy},
	{"Slb", "AddBackendServers", "SystemBusy", "", 449, Busy},
	{"Slb", "AddBackendServers", "OperationBusy", "", 400, Busy},
	{"Slb", "AddBackendServers", "ServiceIsStopping", "", 409, Busy},
	{"Slb", "AddBackendServers", "BackendServer.configuring", "", 409, Busy},
	{"Slb", "AddBackendServers", "ServiceIsConfiguring", "", 400, Busy},
	{"Slb", "AddBackendServers", "VpcSystemBusy", "", 400, Busy},
	{"Slb", "AddAccessControlListEntry", "AclEntryProcessing", "", 400, Busy},
	{"Slb", "AddAccessControlListEntry", "AclEntryEmpty", "", 400, Invalid},
	{"Slb", "SetListenerAccessControlStatus", "AclListenerOverLimit", "", 400, Quota},
	{"Slb", "DeleteAccessControlList", "AclInUsed", "", 400, Conflict},
	{"Slb", "CreateAccessControlList", "QuotaLimitExceeds.Acl", "", 400, Quota},
	{"Slb", "DeleteServerCertificate", "CertificateAndPrivateKeyIsRefered", "", 400, Conflict},
	{"Slb", "UploadServerCertificate", "KeyFormatError", "", 400, Invalid},
	{"Slb", "UploadServerCertificate", "CertificateNotMatchPrivateKey", "", 400, Invalid},
	{"Slb", "CreateDomainExtension", "DomainExtensionProcessing", "", 400, Busy},
	{"Slb", "CreateDomainExtension", "DomainExtension.Quota", "", 400, Quota},

	{"Slb", "AddBackendServers", "BackendServer.InvalidType", "", 400, Invalid},
	{"Slb", "AddBackendServers", "BackendServerAttachedNumberOverLimit", "", 400, Quota},
	{"Slb", "CreateVServerGroup", "VServerGroupNumberOverLimit", "", 400, Quota},
	{"Slb", "CreateLoadBalancerTCPListener", "ResourceNotFound.MasterSlaveServerGroup", "", 400, NotFound},
	{"Slb", "CreateLoadBalancer", "InvalidBandwidth.Value", "", 400, Invalid},
	{"Vpc", "AssociateEipAddress", "InvalidAssociation.Duplicated", "", 400, Conflict},
	{"Ecs", "RunInstances", "InvalidIPAddress.AlreadyUsed", "", 400, Conflict},
	{"Ecs", "RunInstances", "InvalidVSwitchId.IpNotEnough", "", 400, Quota},
	{"Ecs", "DeleteInstance", "ChargeTypeViolation", "", 403, Conflict},
	{"Ecs", "DescribeInstances", "UnsupportedHTTPMethod", "", 400, Invalid},
	{"Ecs", "DescribeInstances", "UnknownParameter", "", 400, Invalid},

	{"Slb", "AddBackendServers", "ResourceNotFound.vServers", "", 404, NotFound},

	// STS
	{"Sts", "AssumeRoleWithOIDC", "AuthenticationFail.OIDCToken.Expired", "", 400, Denied},
	{"Sts", "AssumeRoleWithOIDC", "AuthenticationFail.NoPermission", "", 403, Denied},
	{"Sts", "AssumeRole", "EntityNotExist.Role", "", 404, NotFound},

	// what is no answer of the API, or one that nobody knows
	{"Ecs", "DescribeInstanceAttribute", "", "<html>not found</html>", 404, Unavailable},
	{"Ecs", "DescribeInstanceAttribute", "", "moved", 302, Unavailable},
	{"Ecs", "DescribeInstanceAttribute", "", "proxy authentication required", 407, Unavailable},
	{"Ecs", "DescribeInstanceAttribute", "InvalidUnheardOf.NotFound", "", 404, Unknown},
	{"Ecs", "DescribeInstanceAttribute", "SomethingNew", "", 400, Unknown},
}

func TestPublishedAnswersAreClassified(t *testing.T) {
	for _, a := range published {
		t.Run(a.product+"."+a.action+"/"+a.code, func(t *testing.T) {
			if got := Classify(a.product, a.action, a.code, a.message, a.status); got != a.want {
				t.Errorf("Classify(%s, %q, %d) = %v, want %v", a.code, a.message, a.status, got, a.want)
			}
		})
	}
}

func TestEveryCodeOfTheTableHasAPublishedAnswer(t *testing.T) {
	tested := map[string]bool{}
	for _, a := range published {
		tested[a.code] = true
	}
	exempt := map[string]bool{"InvalidEniId.NotFound": true, "InvalidVpcId.NotFound": true, "ListenerStatusNotSupport": true}
	for code := range exact {
		if !tested[code] && !exempt[code] {
			t.Errorf("code %s has a meaning but no published answer", code)
		}
	}
}

func TestNotFoundNeverComesOutOfAFailingService(t *testing.T) {
	messages := []string{"", "The specified resource does not exist.", "The specified VServerGroupId does not exist."}
	actions := []string{"DescribeVServerGroupAttribute", "DeleteLoadBalancerListener", "DescribeInstanceAttribute"}
	codes := slices.Collect(maps.Keys(exact))
	codes = append(codes, "", "InternalError", "ServiceUnavailable", "Throttling", "Throttling.NotFound", "Forbidden.NotFound", "Unheard.NotFound")
	for _, code := range codes {
		for _, status := range []int{0, 301, 429, 500, 502, 503, 504} {
			if status == 301 && code != "" {
				continue
			}
			for _, message := range messages {
				for _, action := range actions {
					if got := Classify("Slb", action, code, message, status); got == NotFound {
						t.Fatalf("Classify(%s, %s, %q, %d) = NotFound", action, code, message, status)
					}
				}
			}
		}
	}
}

func FuzzClassifyProvesNothingOutOfUnknownCodes(f *testing.F) {
	f.Add("Slb", "DeleteVServerGroup", "Nonsense", "The specified VServerGroupId does not exist.", 404)
	f.Add("Ecs", "DescribeInstanceAttribute", "InvalidFooId.NotFound", "", 404)
	f.Fuzz(func(t *testing.T, product, action, code, message string, status int) {
		kind := Classify(product, action, code, message, status)
		if kind != NotFound {
			return
		}
		if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || strings.HasPrefix(code, "Throttling") {
			t.Fatalf("NotFound out of HTTP %d, code %q", status, code)
		}
		if exact[code] != NotFound && code != "InvalidParameter" {
			t.Fatalf("NotFound out of code %q", code)
		}
	})
}
