package plan

// Reason says why a Node's range gets no route.
type Reason string

// The reasons, which are also the values of a metric's label.
const (
	Malformed      Reason = "malformed"
	TooWide        Reason = "too_wide"
	OutsideCluster Reason = "outside_cluster_cidr"
	ServiceRange   Reason = "service_range"
	VPCAddress     Reason = "vpc_address"
	OwnRange       Reason = "own_range"
	Overlap        Reason = "overlap"
	NoAddress      Reason = "no_address"
	LocalAddress   Reason = "local_address"
	OtherSubnet    Reason = "other_subnet"
)

// Reasons are all of them.
func Reasons() []Reason {
	return []Reason{Malformed, TooWide, OutsideCluster, ServiceRange, VPCAddress, OwnRange, Overlap, NoAddress, LocalAddress, OtherSubnet}
}

// Wrong tells whether something is to be mended. A Node of another vSwitch is
// none of these: its packets go by the VPC's router.
func (r Reason) Wrong() bool { return r != OtherSubnet }

// Everywhere tells whether every host refuses the range, not this one alone.
func (r Reason) Everywhere() bool {
	switch r {
	case OwnRange, LocalAddress, OtherSubnet:
		return false
	default:
		return true
	}
}

// Refusal is a range that gets no route.
type Refusal struct {
	Node *Node
	// Range is the text that the Node has.
	Range  string
	Reason Reason
	// Message says what is wrong with it, without the Node's name.
	Message string
}
