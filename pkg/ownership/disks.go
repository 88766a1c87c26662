package ownership

import "strings"

// The tags that remember who attached a disk: they outlive Nodes,
// PersistentVolumes and the process. They do not make a disk ours; only
// TagClusterID does.
const (
	// TagAttachedBy holds the cluster's ID.
	TagAttachedBy = TagPrefix + "attached-by"
	// TagAttachedTo holds the server's ID.
	TagAttachedTo = TagPrefix + "attached-to"
	// TagAttachedNode and TagAttachedVolume hold names, in a short form where they
	// are longer than a tag's value may be.
	TagAttachedNode   = TagPrefix + "attached-node"
	TagAttachedVolume = TagPrefix + "attached-volume"
)

// Attachment says for which Node and volume of which cluster a disk was attached
// to a server.
type Attachment struct {
	ClusterID string
	ServerID  string
	Node      string
	// Volume is the name by which Kubernetes knows it: the PersistentVolume's, or
	// the one in the Pod.
	Volume string
}

// Tags returns the disk's tags for it.
func (a Attachment) Tags() map[string]string {
	return map[string]string{
		TagAttachedBy: a.ClusterID, TagAttachedTo: a.ServerID,
		TagAttachedNode: short(a.Node, maxTagValue), TagAttachedVolume: short(a.Volume, maxTagValue),
	}
}

// Search returns the tags by which a volume's disk is found when only its name
// and the Node's are known.
func (a Attachment) Search() map[string]string {
	tags := a.Tags()
	delete(tags, TagAttachedTo)
	return tags
}

// ParseAttachment reads the memory of a disk's tags; ok is false when this
// cluster has none. Names are in their short form.
func ParseAttachment(tags map[string]string, clusterID string) (a Attachment, ok bool) {
	if clusterID == "" || tags[TagAttachedBy] != clusterID {
		return Attachment{}, false
	}
	return Attachment{
		ClusterID: clusterID, ServerID: tags[TagAttachedTo],
		Node: tags[TagAttachedNode], Volume: tags[TagAttachedVolume],
	}, true
}

// Names reports whether the remembered attachment is of this Node and volume.
func (a Attachment) Names(node, volume string) bool {
	return a.NamesNode(node) && short(a.Volume, maxTagValue) == short(volume, maxTagValue)
}

// NamesNode reports whether the remembered attachment is to this Node.
func (a Attachment) NamesNode(node string) bool {
	return a.Node != "" && short(a.Node, maxTagValue) == short(node, maxTagValue)
}

// attachmentSeparator is not part of any of the fields.
const attachmentSeparator = " "

// String is the form in which the PersistentVolume's annotation keeps it.
func (a Attachment) String() string {
	return strings.Join([]string{a.ClusterID, a.ServerID, a.Node, a.Volume}, attachmentSeparator)
}

// ReadAttachment reads String's form; ok is false for anything else and for
// another cluster's.
func ReadAttachment(s, clusterID string) (a Attachment, ok bool) {
	fields := strings.Split(s, attachmentSeparator)
	if len(fields) != 4 || clusterID == "" || fields[0] != clusterID {
		return Attachment{}, false
	}
	return Attachment{ClusterID: fields[0], ServerID: fields[1], Node: fields[2], Volume: fields[3]}, true
}
