package ownership

// Verdict says whose a tagged cloud object is.
type Verdict int

// The verdicts.
const (
	// Unmarked objects carry none of the tags that name an owner.
	Unmarked Verdict = iota
	// Ours belongs to the asked cluster and Service.
	Ours
	// OtherService belongs to this cluster, but to another Service or to none.
	OtherService
	// OtherCluster belongs to another cluster, of this project or of another
	// controller.
	OtherCluster
)

// String returns the verdict in words.
func (v Verdict) String() string {
	switch v {
	case Ours:
		return "ours"
	case OtherService:
		return "of another Service"
	case OtherCluster:
		return "of another cluster"
	case Unmarked:
		return "unmarked"
	}
	return "unknown"
}

// Foreign reports whether somebody else owns the object.
func (v Verdict) Foreign() bool { return v == OtherService || v == OtherCluster }

// Owner is what an object's tags say of its owner.
type Owner struct {
	Verdict    Verdict
	ClusterID  string
	ServiceUID string
	// Service is namespace/name, for messages only.
	Service string
}

// officialCluster is the tag by which Alibaba Cloud's own controller marks the
// load balancers of a cluster.
const officialCluster = "ack.aliyun.com"

// Decide says whose an object is. Both tags must be there and agree for Ours;
// half a mark is somebody else's, never ours and never unmarked.
func Decide(tags map[string]string, clusterID, serviceUID string) Owner {
	cluster, hasCluster := tags[TagClusterID]
	uid, hasUID := tags[TagServiceUID]
	owner := Owner{ClusterID: cluster, ServiceUID: uid, Service: tags[TagService]}
	switch {
	case !hasCluster && !hasUID:
		if other, found := tags[officialCluster]; found {
			owner.ClusterID, owner.Verdict = other, OtherCluster
		}
	case cluster == "" || cluster != clusterID:
		owner.Verdict = OtherCluster
	case uid == "" || uid != serviceUID:
		owner.Verdict = OtherService
	default:
		owner.Verdict = Ours
	}
	return owner
}

// officialName is the tag in which Alibaba Cloud's own controller keeps the name
// that a load balancer has by default; it is its mark for "made by me".
const officialName = "kubernetes.do.not.delete"

// OwnedByCluster reports whether an object's tags say that some cluster's
// controller made it, of this project or Alibaba Cloud's own, and names it.
func OwnedByCluster(tags map[string]string) (owner string, owned bool) {
	cluster, hasCluster := tags[TagClusterID]
	_, hasUID := tags[TagServiceUID]
	official, hasOfficial := tags[officialCluster]
	_, hasName := tags[officialName]
	switch {
	case hasCluster && tags[TagService] != "":
		return "cluster " + cluster + " for Service " + tags[TagService], true
	case hasCluster:
		return "cluster " + cluster, true
	case hasOfficial:
		return "cluster " + official, true
	case hasUID, hasName:
		return "a cluster", true
	}
	return "", false
}
