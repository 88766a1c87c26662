package nodes

import (
	"testing"
	"time"
)

func TestNumberedNodesAreCountedFromOne(t *testing.T) {
	list := Numbered(3, func(number int, node *Node) {
		if number == 2 {
			node.ProviderID = "two"
		}
	})
	if len(list) != 3 || list[0].Name != "node-1" || list[2].Name != "node-3" {
		t.Errorf("got %+v", list)
	}
	if list[1].ProviderID != "two" || list[0].ProviderID != "" {
		t.Errorf("the number does not fit the node: %+v", list)
	}
}

func TestNodeWithoutAddressReportsNone(t *testing.T) {
	if got := (Node{Name: "one"}).object(time.Now()).Status.Addresses; got != nil {
		t.Errorf("addresses: got %v", got)
	}
}

func TestInitializedNodeHasNoTaint(t *testing.T) {
	if got := (Node{Name: "one", Initialized: true}).object(time.Now()).Spec.Taints; len(got) != 0 {
		t.Errorf("taints: got %v", got)
	}
}

func TestNodeIsReadyFromTheStart(t *testing.T) {
	if !isReady((Node{Name: "one"}).object(time.Now())) {
		t.Error("the node is not ready")
	}
}
