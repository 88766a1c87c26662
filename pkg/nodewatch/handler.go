package nodewatch

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// handler gathers events and hands them on under the constant key.
type handler struct {
	next      cache.ResourceEventHandler
	relevant  func(oldNode, newNode *corev1.Node) bool
	debouncer *Debouncer

	mu sync.Mutex
	// membership is set when a Node came or went; updates hold the others. Each
	// pair is handed on by itself: of a change that is taken back within the
	// window the receiver may have seen the middle.
	membership bool
	updates    []update
}

type update struct {
	oldNode, newNode *corev1.Node
}

func newHandler(ctx context.Context, options Options, next cache.ResourceEventHandler) *handler {
	h := &handler{next: next, relevant: options.Relevant}
	h.debouncer = NewDebouncer(ctx, options.Clock, options.Window, h.flush)
	return h
}

// OnAdd gathers a new Node.
func (h *handler) OnAdd(any, bool) { h.changedMembership() }

// OnDelete gathers a Node that went, also one whose last state is not known.
func (h *handler) OnDelete(any) { h.changedMembership() }

// OnUpdate gathers a changed Node.
func (h *handler) OnUpdate(oldObj, newObj any) {
	oldNode, ok := oldObj.(*corev1.Node)
	if !ok {
		return
	}
	newNode, ok := newObj.(*corev1.Node)
	if !ok || !h.relevant(oldNode, newNode) {
		return
	}
	h.mu.Lock()
	if !h.membership {
		h.updates = append(h.updates, update{oldNode: oldNode, newNode: newNode})
	}
	h.mu.Unlock()
	h.debouncer.Trigger()
}

func (h *handler) changedMembership() {
	h.mu.Lock()
	h.membership, h.updates = true, nil
	h.mu.Unlock()
	h.debouncer.Trigger()
}

func (h *handler) flush() {
	h.mu.Lock()
	membership, updates := h.membership, h.updates
	h.membership, h.updates = false, nil
	h.mu.Unlock()
	if membership {
		h.next.OnAdd(token(), false)
		return
	}
	for _, u := range updates {
		h.next.OnUpdate(keyed(u.oldNode), keyed(u.newNode))
	}
}
