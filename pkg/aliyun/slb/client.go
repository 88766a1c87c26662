package slb

import (
	"context"
	"fmt"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// Client makes the SLB calls. It is safe for concurrent use.
type Client struct {
	doer transport.Doer
	// texts are shared by all backends that replies tell of: a server is a member
	// of hundreds of groups.
	texts texts
}

// New returns a client that sends its calls through d.
func New(d transport.Doer) *Client { return &Client{doer: d} }

func (c *Client) read(ctx context.Context, req requests.AcsRequest, resp responses.AcsResponse) error {
	return c.doer.Do(ctx, transport.Call{Product: transport.Slb, Request: req, Response: resp, Repeatable: true})
}

// set makes a change whose repetition changes nothing.
func (c *Client) set(ctx context.Context, req requests.AcsRequest, resp responses.AcsResponse) error {
	return c.doer.Do(ctx, transport.Call{
		Product: transport.Slb, Request: req, Response: resp, Mutating: true, Repeatable: true,
	})
}

// add makes a change that must not be sent twice: after a lost reply the caller
// reads what is there.
func (c *Client) add(ctx context.Context, req requests.AcsRequest, resp responses.AcsResponse) error {
	return c.doer.Do(ctx, transport.Call{Product: transport.Slb, Request: req, Response: resp, Mutating: true})
}

// urgent lets deletions and backend changes go before audits and creations.
func urgent(ctx context.Context) context.Context {
	return transport.WithPriority(ctx, transport.Urgent)
}

// wrap names the operation in an error; nil stays nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

func onOrOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
