package stage

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/deploy/image"
)

// PowerOn makes a server of the region a node, whoever created or started it there,
// and returns when its Node is registered.
func (s *Stage) PowerOn(ctx context.Context, id string) error {
	plane, err := s.region.Dataplane(ctx)
	if err != nil {
		return fmt.Errorf("the region's network: %w", err)
	}
	place, found := plane.Servers[id]
	if !found {
		return fmt.Errorf("%s: %w", id, errNoServer)
	}
	server := s.server(id)
	if server == nil {
		server = &Server{ID: id}
		s.mu.Lock()
		s.servers = append(s.servers, server)
		s.mu.Unlock()
	}
	server.Place = placeOf(place)
	return s.startNode(ctx, server)
}

// PowerOff ends what runs on a server that was stopped in the region.
func (s *Stage) PowerOff(ctx context.Context, id string) error {
	if server := s.server(id); server != nil {
		return server.end(ctx)
	}
	return nil
}

// Forget ends what runs on a server that was released in the region.
func (s *Stage) Forget(ctx context.Context, id string) error {
	if err := s.PowerOff(ctx, id); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.servers = slices.DeleteFunc(s.servers, func(server *Server) bool { return server.ID == id })
	return nil
}

// VSwitches are those of the region, one in each zone.
func VSwitches() []string { return slices.Clone(vSwitches) }

// server finds one by its instance's id, or returns nil.
func (s *Stage) server(id string) *Server {
	all := s.Servers()
	i := slices.IndexFunc(all, func(server *Server) bool { return server.ID == id })
	if i < 0 {
		return nil
	}
	return all[i]
}

// ControllerArchive makes the image that the manifests name of aliyun-controller and
// aliyun-flexv, which are built already, for Options.Controller.
func ControllerArchive(dir, binary, driver string) (archive string, err error) {
	spec, err := image.Controller(binary, driver, runtime.GOARCH, testVersion)
	if err != nil {
		return "", fmt.Errorf("image of the controller: %w", err)
	}
	img, err := image.New(spec)
	if err != nil {
		return "", fmt.Errorf("image of the controller: %w", err)
	}
	archive = filepath.Join(dir, controllerName+".tar")
	if err := image.WriteArchive(archive, img, controllerImage); err != nil {
		return "", fmt.Errorf("image of the controller: %w", err)
	}
	return archive, nil
}
