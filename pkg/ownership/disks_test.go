package ownership

import (
	"strings"
	"testing"
)

func TestAttachmentIsReadBackFromTagsAndAnnotation(t *testing.T) {
	long := strings.Repeat("n", 250)
	for name, a := range map[string]Attachment{
		"plain": {ClusterID: "c1", ServerID: "i-1", Node: "node-1", Volume: "pvc-1"},
		"long":  {ClusterID: "c1", ServerID: "i-1", Node: long, Volume: long + "v"},
	} {
		t.Run(name, func(t *testing.T) {
			tags := a.Tags()
			for key, value := range tags {
				if len(value) > maxTagValue || len(key) > maxTagValue {
					t.Errorf("tag %s is %d long", key, len(value))
				}
			}
			fromTags, ok := ParseAttachment(tags, "c1")
			if !ok || fromTags.ServerID != "i-1" || !fromTags.Names(a.Node, a.Volume) {
				t.Errorf("from tags: %+v, %v", fromTags, ok)
			}
			if fromTags.Names(a.Node, a.Volume+"x") || fromTags.Names(a.Node+"x", a.Volume) {
				t.Error("another name is taken for it")
			}
			fromText, ok := ReadAttachment(a.String(), "c1")
			if !ok || fromText != a {
				t.Errorf("from the annotation: %+v, %v", fromText, ok)
			}
		})
	}
}

func TestAttachmentOfAnotherClusterIsNotRemembered(t *testing.T) {
	a := Attachment{ClusterID: "c1", ServerID: "i-1", Node: "node-1", Volume: "v"}
	if _, ok := ParseAttachment(a.Tags(), "c2"); ok {
		t.Error("from tags")
	}
	if _, ok := ReadAttachment(a.String(), "c2"); ok {
		t.Error("from the annotation")
	}
	if _, ok := ReadAttachment("c1 i-1 node-1", "c1"); ok {
		t.Error("from half an annotation")
	}
	if _, ok := ParseAttachment(nil, ""); ok {
		t.Error("from nothing")
	}
}
