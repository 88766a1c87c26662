package vpc

import (
	"errors"
	"testing"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

func TestAnAnswerThatLeavesItemsOutFailsAsAWhole(t *testing.T) {
	hops := []hop{{cidr: "10.0.0.0/24", next: "i-1"}, {cidr: "10.0.1.0/24", next: "i-2"}}
	tests := map[string]struct {
		succeeded int
		failed    []sdk.FailedRouteEntriesItem
	}{
		"nothing said":          {0, nil},
		"one not said":          {1, nil},
		"more than asked for":   {2, []sdk.FailedRouteEntriesItem{{DstCidrBlock: "10.0.0.0/24", NextHop: "i-1"}}},
		"failure of another":    {1, []sdk.FailedRouteEntriesItem{{DstCidrBlock: "10.0.9.0/24", NextHop: "i-1"}}},
		"failure of other hop":  {1, []sdk.FailedRouteEntriesItem{{DstCidrBlock: "10.0.0.0/24", NextHop: "i-9"}}},
		"failure without a hop": {0, []sdk.FailedRouteEntriesItem{{DstCidrBlock: "10.0.0.0/24"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := outcome(actionCreate, hops, tt.succeeded, tt.failed, "r")
			if !errors.Is(err, apierror.ErrUnavailable) || !apierror.MaybeExecuted(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAFailureThatFitsTwoItemsFailsBoth(t *testing.T) {
	hops := []hop{{cidr: "10.0.0.0/24", next: "i-1"}, {cidr: "10.0.0.0/24", next: "i-1"}}
	failed := []sdk.FailedRouteEntriesItem{{DstCidrBlock: "10.0.0.0/24", NextHop: "i-1", FailedCode: "QuotaExceeded"}}
	results, err := outcome(actionCreate, hops, 1, failed, "r")
	if err != nil || results[0].Err == nil || results[1].Err == nil {
		t.Errorf("got %+v, %v", results, err)
	}
}

func TestIDsAreGivenOnlyWhenThereIsOneForEach(t *testing.T) {
	results := []Result{{}, {Err: apierror.ErrQuota}, {}}
	number(results, []string{"rte-1"})
	if results[0].EntryID != "" {
		t.Error("an id was guessed")
	}
	number(results, []string{"rte-1", "rte-2"})
	if results[0].EntryID != "rte-1" || results[1].EntryID != "" || results[2].EntryID != "rte-2" {
		t.Errorf("got %+v", results)
	}
}

func TestMoreThanABatchIsRefusedWithoutACall(t *testing.T) {
	c := New(nil)
	if _, err := c.CreateRouteEntries(t.Context(), make([]NewEntry, MaxBatch+1)); !errors.Is(err, errBatch) {
		t.Errorf("got %v", err)
	}
	if _, err := c.DeleteRouteEntries(t.Context(), make([]RouteEntry, MaxBatch+1)); !errors.Is(err, errBatch) {
		t.Errorf("got %v", err)
	}
}
