package routes

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// Network is what routes ask of the VPC; *vpc.Client has it.
type Network interface {
	VSwitches(ctx context.Context, vpcID string) ([]vpc.VSwitch, error)
	RouteTables(ctx context.Context, vpcID string) ([]vpc.RouteTable, error)
	RouteEntries(ctx context.Context, tableID string) ([]vpc.RouteEntry, error)
	RouteEntriesTo(ctx context.Context, tableID string, cidrs []string) ([]vpc.RouteEntry, error)
	CreateRouteEntries(ctx context.Context, entries []vpc.NewEntry) ([]vpc.Result, error)
	DeleteRouteEntries(ctx context.Context, entries []vpc.RouteEntry) ([]vpc.Result, error)
	ModifyRouteEntry(ctx context.Context, id, name, description string) error
}

// Machines is what routes ask of ECS; *ecs.Client has it.
type Machines interface {
	ServerExists(ctx context.Context, id string) (bool, error)
	Interfaces(ctx context.Context, f ecs.InterfaceFilter) ([]ecs.Interface, error)
	SetSourceDestCheck(ctx context.Context, interfaceID string, on bool) error
}

// Servers tells the server behind a Node. servers.ErrForeign says that the Node
// is none of ours; any other error leaves its routes as they are.
// *servers.Snapshot has it.
type Servers interface {
	ServerFor(ctx context.Context, node *corev1.Node) (ecs.Server, error)
}

// Events records events; *event.Recorder does.
type Events interface {
	Event(object runtime.Object, reason *event.Reason, format string, args ...any)
}
