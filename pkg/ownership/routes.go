package ownership

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Routes have no tags: their owner is in name and description.
const (
	routePrefix = "kube-aliyun-"

	fieldCluster = "cluster="
	fieldNode    = "node="
	fieldName    = "name="

	// maxDescription is the API's limit (CreateRouteEntries: 1 to 256 characters).
	maxDescription = 256
	// maxNodeField leaves room for the longest cluster ID and the field names.
	maxNodeField = 150
	// hashMark stands before the hash of a Node name that was too long; it cannot
	// occur in a Node name.
	hashMark = "~"
	hashed   = 16
)

// Contradiction stands for the cluster ID of a route whose name and description
// name different clusters. It is no valid cluster ID, so nobody owns such a route.
const Contradiction = "?"

// Mark is what name and description of a route say of its owner.
type Mark struct {
	ClusterID string
	// Node is the Node's name, in the short form that RouteDescription gives to
	// long names, or empty where the description was changed by hand.
	Node string
}

// IsNode reports whether the mark names this Node.
func (m Mark) IsNode(node string) bool {
	return m.Node != "" && m.Node == shortNode(node)
}

// RouteName is the name of every route of a cluster.
func RouteName(clusterID string) string {
	return routePrefix + clusterID
}

// RouteDescription tells cluster and Node of a route, within the API's limits.
// The cluster's name is for people and is cut first.
func RouteDescription(clusterID, clusterName, node string) string {
	description := "kube-aliyun " + fieldCluster + clusterID + " " + fieldNode + shortNode(node)
	if name := withoutURLs(clusterName); name != "" {
		description += " " + fieldName + name
	}
	return strings.TrimSpace(cut(description, maxDescription))
}

// ParseRoute reads the mark of a route; ok is false when it bears none. Either of
// name and description suffices for the cluster, the other may have been changed
// by hand; when they disagree the cluster is Contradiction.
func ParseRoute(name, description string) (mark Mark, ok bool) {
	fromName, named := strings.CutPrefix(name, routePrefix)
	named = named && ValidateClusterID(fromName) == nil
	described, hasDescription := parseDescription(description)
	switch {
	case named && hasDescription && fromName != described.ClusterID:
		return Mark{ClusterID: Contradiction}, true
	case hasDescription:
		return described, true
	case named:
		return Mark{ClusterID: fromName}, true
	}
	return Mark{}, false
}

func parseDescription(description string) (Mark, bool) {
	rest, found := strings.CutPrefix(description, "kube-aliyun "+fieldCluster)
	if !found {
		return Mark{}, false
	}
	cluster, rest, _ := strings.Cut(rest, " ")
	if ValidateClusterID(cluster) != nil {
		return Mark{}, false
	}
	mark := Mark{ClusterID: cluster}
	if node, found := strings.CutPrefix(rest, fieldNode); found {
		mark.Node, _, _ = strings.Cut(node, " ")
	}
	return mark, true
}

// shortNode is the Node's name as route descriptions hold it.
func shortNode(node string) string { return short(node, maxNodeField) }

// short is a name, or for one that does not fit its beginning and a hash of the
// whole.
func short(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return cut(name, limit-hashed-len(hashMark)) + hashMark + hex.EncodeToString(sum[:])[:hashed]
}
