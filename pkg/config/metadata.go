package config

import (
	"context"
	"fmt"
	"strings"
)

// Metadata answers what a server knows of itself.
type Metadata interface {
	RegionID(ctx context.Context) (string, error)
	ZoneID(ctx context.Context) (string, error)
	VPCID(ctx context.Context) (string, error)
	VSwitchID(ctx context.Context) (string, error)
}

// MissingError says what is neither configured nor told by the metadata service.
type MissingError struct {
	// Flags are the settings that would fill the gap.
	Flags []string
	// Cause is why the metadata service did not tell, or nil when it is off.
	Cause error
}

// Error names the gap and the remedy.
func (e *MissingError) Error() string {
	flags := "--" + strings.Join(e.Flags, ", --")
	if e.Cause == nil {
		return fmt.Sprintf("not configured: %s (the metadata service is turned off)", flags)
	}
	return fmt.Sprintf("not configured, and the metadata service does not tell: %s: %v", flags, e.Cause)
}

// Unwrap gives the cause.
func (e *MissingError) Unwrap() error { return e.Cause }

// Complete asks the metadata service for what the location lacks; nil stands
// for no such service. Only region and VPC must be known in the end: a vSwitch
// is needed by intranet load balancers alone, which say so themselves. The
// error is a *MissingError and may be tried again later.
func (l *Location) Complete(ctx context.Context, m Metadata) error {
	missing := &MissingError{}
	fill := func(value *string, flag string, ask func(Metadata, context.Context) (string, error)) {
		if *value != "" {
			return
		}
		var err error
		if m != nil {
			var told string
			if told, err = ask(m, ctx); err == nil {
				*value = told
			}
		}
		if *value == "" {
			missing.Flags = append(missing.Flags, flag)
			missing.Cause = err
		}
	}
	fill(&l.Region, "region", Metadata.RegionID)
	fill(&l.VPCID, "vpc", Metadata.VPCID)
	if len(missing.Flags) > 0 {
		return missing
	}
	fill(&l.Zone, "zone", Metadata.ZoneID)
	if len(l.VSwitchIDs) == 0 {
		var vSwitch string
		fill(&vSwitch, "vswitches", Metadata.VSwitchID)
		if vSwitch != "" {
			l.VSwitchIDs = []string{vSwitch}
		}
	}
	return nil
}
