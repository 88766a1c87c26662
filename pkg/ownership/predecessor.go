package ownership

import "strings"

// TagTakenOver is on load balancers that another controller made and this one has
// taken over; it says from whom. As long as it is there, what the Service does not
// ask for stays as the other one left it.
const TagTakenOver = TagPrefix + "taken-over-from"

// The controllers that load balancers are taken over from.
const (
	// FirstKubeAliyun is the kube-aliyun of 2017: it knew its load balancers by
	// their name alone.
	FirstKubeAliyun = "kube-aliyun-2017"
	// OfficialController is Alibaba Cloud's own cloud controller manager.
	OfficialController = "alibaba-cloud-controller-manager"
)

// OfficialTags are the tags by which the official controller finds its load
// balancers.
var OfficialTags = []string{officialCluster, officialName}

// Predecessor returns which other controller made a load balancer for a Service,
// or "". The Service's UID, which no other Service ever has, is the proof: in the
// official controller's tag, or in the name where there is no tag of anybody.
func Predecessor(name string, tags map[string]string, serviceUID string) string {
	own := LoadBalancerName(serviceUID)
	for key := range tags {
		if strings.HasPrefix(key, TagPrefix) && key != TagAllow {
			return ""
		}
	}
	if marked, found := tags[officialName]; found {
		if marked == own {
			return OfficialController
		}
		return ""
	}
	if _, found := tags[officialCluster]; !found && name == own {
		return FirstKubeAliyun
	}
	return ""
}
