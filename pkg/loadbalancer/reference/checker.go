package reference

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"
)

// Reference is an object that a Service names.
type Reference struct {
	Kind Kind
	ID   string
}

// String returns kind and ID.
func (r Reference) String() string { return fmt.Sprintf("%s %s", r.Kind, r.ID) }

// Object is a named object, as far as deciding needs it.
type Object struct {
	ID   string
	Tags map[string]string
	// Expires is when a certificate ends; zero: it does not, or that is unknown.
	Expires time.Time
}

// List reads all objects of a kind in the account and region.
type List func(ctx context.Context) ([]Object, error)

// Options of New.
type Options struct {
	Policy Policy
	// Lists reads the objects, by kind; References of other kinds are errors.
	Lists map[Kind]List
	// Period is how long a reading is relied upon.
	Period time.Duration
	Clock  clock.PassiveClock
}

// Checker says which objects may be named. All Services share its readings: one
// listing for each kind and period, and another one when a name is missing. It is
// safe for concurrent use.
type Checker struct {
	options Options
	shelves map[Kind]*shelf
}

// shelf is the last reading of one kind. Whoever holds the one token of lock may
// touch it: a lock that gives up with its context.
type shelf struct {
	lock    chan struct{}
	objects map[string]Object
	read    time.Time
}

// again is how old a reading is at least before it is repeated for the sake of a
// name that is missing from it: a wrong name must not cost a call for each try.
const again = 10 * time.Second

// New returns a checker that has read nothing yet.
func New(options Options) *Checker {
	c := &Checker{options: options, shelves: map[Kind]*shelf{}}
	for kind := range options.Lists {
		c.shelves[kind] = &shelf{lock: make(chan struct{}, 1)}
	}
	return c
}

// Check returns why the Services of a namespace may not name some of the objects,
// one sentence each. The error is that of a reading: nothing is known then.
func (c *Checker) Check(ctx context.Context, namespace string, references []Reference) ([]string, error) {
	var problems []string
	for _, r := range references {
		object, found, err := c.Find(ctx, r)
		if err != nil {
			return nil, err
		}
		switch problem := c.options.Policy.Judge(namespace, r, object.Tags); {
		case !found:
			problems = append(problems, fmt.Sprintf("%s does not exist in this region and account; correct the annotation, or make it", r))
		case problem != "":
			problems = append(problems, problem)
		case !object.Expires.IsZero() && !c.options.Clock.Now().Before(object.Expires):
			problems = append(problems, fmt.Sprintf("%s has expired on %s; upload a new one and name that", r, object.Expires.UTC().Format(time.DateOnly)))
		}
	}
	return problems, nil
}

// Find returns a named object and whether there is one. One that is missing from
// an old reading is looked for once more.
func (c *Checker) Find(ctx context.Context, r Reference) (Object, bool, error) {
	s, known := c.shelves[r.Kind]
	if !known {
		return Object{}, false, fmt.Errorf("look up %s: objects of this kind are not listed", r)
	}
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return Object{}, false, fmt.Errorf("look up %s: %w", r, ctx.Err())
	}
	age := c.options.Clock.Since(s.read)
	object, found := s.objects[r.ID]
	if s.objects != nil && (age < again || found && age < c.options.Period) {
		return object, found, nil
	}
	at := c.options.Clock.Now()
	listed, err := c.options.Lists[r.Kind](ctx)
	if err == nil && len(listed) == 0 {
		listed, err = c.options.Lists[r.Kind](ctx) // an empty answer alone proves nothing
	}
	if err != nil {
		return Object{}, false, fmt.Errorf("look up %s: %w", r, err)
	}
	s.objects, s.read = make(map[string]Object, len(listed)), at
	for _, o := range listed {
		s.objects[o.ID] = o
	}
	object, found = s.objects[r.ID]
	return object, found, nil
}

// Forget drops what is known of a kind, after the API has refused one of its
// objects.
func (c *Checker) Forget(ctx context.Context, kind Kind) {
	s, known := c.shelves[kind]
	if !known {
		return
	}
	select {
	case s.lock <- struct{}{}:
		s.objects = nil
		<-s.lock
	case <-ctx.Done():
	}
}
