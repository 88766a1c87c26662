package ownership

// The tags that a disk is found by that was made for a claim.
const (
	// TagVolume holds the name of the PersistentVolume, TagClaimUID the claim's UID,
	// and TagClaim its namespace/name, for people.
	TagVolume   = TagPrefix + "volume"
	TagClaimUID = TagPrefix + "claim-uid"
	TagClaim    = TagPrefix + "claim"
)

// RoleDisk is a disk that was made for a claim.
const RoleDisk Role = "disk"

// Volume names the claim that a disk was made for.
type Volume struct {
	ClusterID string
	// ClusterName is for people and may be empty.
	ClusterName string
	// Name is the PersistentVolume's.
	Name      string
	ClaimUID  string
	Namespace string
	Claim     string
}

// Tags returns the disk's tags, which are sent in the creating call, so that the
// disk is found again after a crash.
func (v Volume) Tags() map[string]string {
	tags := v.Search()
	tags[TagClaimUID] = v.ClaimUID
	tags[TagClaim] = short(v.Namespace+"/"+v.Claim, maxTagValue)
	tags[TagRole] = string(RoleDisk)
	if name := tagValue(v.ClusterName); name != "" {
		tags[TagClusterName] = name
	}
	return tags
}

// Search returns the tags by which the disk is found.
func (v Volume) Search() map[string]string {
	return map[string]string{TagClusterID: v.ClusterID, TagVolume: short(v.Name, maxTagValue)}
}

// Made reports whether tags are those of a disk that was made for this claim.
func (v Volume) Made(tags map[string]string) bool {
	return v.ClusterID != "" && tags[TagClusterID] == v.ClusterID && tags[TagRole] == string(RoleDisk) &&
		tags[TagVolume] == short(v.Name, maxTagValue) && tags[TagClaimUID] == v.ClaimUID
}

// MadeFor reports whether a disk was made by this cluster for a volume of this
// name, whatever the claim.
func MadeFor(tags map[string]string, clusterID, volume string) bool {
	return clusterID != "" && tags[TagClusterID] == clusterID && tags[TagRole] == string(RoleDisk) &&
		tags[TagVolume] == short(volume, maxTagValue)
}
