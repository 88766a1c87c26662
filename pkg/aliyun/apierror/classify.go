package apierror

import (
	"net/http"
	"strings"
)

// Classify says what an answer means. message is looked at only where the
// product uses one code for opposite meanings. status is the HTTP status; 200
// for an item inside a successful answer.
//
// NotFound comes out only for codes that the table names: whatever is unknown,
// throttled, refused or broken proves nothing about the object.
func Classify(product, action, code, message string, status int) Kind {
	if isThrottling(code, status) {
		return Throttled
	}
	// A reply without a code is not an answer of the API: a proxy, a redirect,
	// a gateway that fell over.
	if code == "" || status >= http.StatusInternalServerError || status < http.StatusOK {
		return Unavailable
	}
	for _, row := range special {
		if row.matches(product, action, code, message, status) {
			return row.kind
		}
	}
	if kind, ok := exact[code]; ok {
		return kind
	}
	for _, row := range families {
		if strings.HasPrefix(code, row.prefix) {
			return row.kind
		}
	}
	switch {
	case strings.HasSuffix(code, "Malformed"):
		return Invalid
	case strings.HasSuffix(code, overLimit):
		return Quota
	}
	return Unknown
}

// overLimit ends the codes by which SLB says that one more is too many:
// ListenerNumberOverLimit, BackEndServerNumberOverLimit, AclListenerOverLimit...
const overLimit = "OverLimit"

// Label returns a metric label for a code: the code itself where the table has
// it, its family's prefix where a family has it, else "other". The number of
// different labels is bounded whatever the network answers.
func Label(code string) string {
	if _, ok := exact[code]; ok {
		return code
	}
	if isThrottling(code, http.StatusBadRequest) {
		return "Throttling"
	}
	for _, row := range families {
		if strings.HasPrefix(code, row.prefix) {
			return strings.TrimSuffix(row.prefix, ".")
		}
	}
	if strings.HasSuffix(code, overLimit) {
		return overLimit
	}
	return "other"
}

// isThrottling matches by prefix: new members of the family keep appearing.
// Throttling is HTTP 400 in ECS, VPC and SLB and 429 in newer products.
func isThrottling(code string, status int) bool {
	return strings.HasPrefix(code, "Throttling") || strings.HasPrefix(code, "Rejected.Throttling") ||
		status == http.StatusTooManyRequests
}

// specialRow is a meaning that the code alone does not tell.
type specialRow struct {
	product, code string
	status        int // 0: any
	action        func(string) bool
	message       string // part of it, lower case
	kind          Kind
}

func (r specialRow) matches(product, action, code, message string, status int) bool {
	return r.product == product && r.code == code &&
		(r.status == 0 || r.status == status) && r.action(action) &&
		strings.Contains(strings.ToLower(message), r.message)
}

var special = []specialRow{
	{ // every call on a vServer group that is gone
		product: "Slb", code: "InvalidParameter", status: http.StatusNotFound,
		action:  func(a string) bool { return strings.Contains(a, "VServerGroup") },
		message: "vservergroupid does not exist", kind: NotFound,
	},
	{ // Describe, Set, Start, Stop and Delete of a listener that is gone
		product: "Slb", code: "InvalidParameter", status: http.StatusBadRequest,
		action: func(a string) bool {
			return strings.Contains(a, "Listener") && !strings.HasPrefix(a, "Create")
		},
		message: "the specified resource does not exist", kind: NotFound,
	},
}

// families are groups of codes that share a prefix and a meaning; the first match wins.
var families = []struct {
	prefix string
	kind   Kind
}{
	{"ServiceUnavailable", Unavailable},
	{"Forbidden", Denied},
	{"NoPermission", Denied},
	{"AuthenticationFail", Denied},
	{"InvalidSecurityToken.", Denied},
	{"InvalidAccountStatus.", Denied},
	{"PAY.", Denied},
	{"QuotaExceed", Quota}, // also QuotaExceeded and QuotaExceeded.<What>
	{"QuotaLimitExceed", Quota},
	{"IncorrectStatus.", Busy},
	{"OperationConflict", Busy},
	{"DependencyViolation", Conflict},
	{"OperationDenied", Conflict},
	{"AclInUse", Conflict}, // spelt AclInUsed in some replies
	{"InvalidParameter.", Invalid},
	{"InvalidParameterForce.", Invalid},
	{"InvalidInstanceType.", Invalid}, // NotSupportDiskCategory, NotSupportPL0, NvmeRequired...
	{"InvalidParamLength.", Invalid},
	{"InvalidTagKey", Invalid},
	{"IllegalParam", Invalid},
	{"Missing", Invalid}, // MissingParameter, Missing<Name>
}
