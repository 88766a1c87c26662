// Package manifest reads Services out of files as people write them for kubectl.
package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Services returns the Services among the documents of a file, YAML or JSON; other
// objects are passed over. One without a namespace gets the given one. A field that a
// Service does not have, and a Service without a name, are errors that name the
// document.
func Services(content []byte, namespace string) ([]*corev1.Service, error) {
	var all []*corev1.Service
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for number := 1; ; number++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		service, err := parseService(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		if service == nil {
			continue
		}
		if service.Name == "" {
			return nil, fmt.Errorf("document %d: the Service has no name", number)
		}
		if service.Namespace == "" {
			service.Namespace = namespace
		}
		all = append(all, service)
	}
}

// parseService returns nil for another object than a Service.
func parseService(document []byte) (*corev1.Service, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return nil, err
	}
	if kind.Kind != "Service" || kind.APIVersion != "v1" {
		return nil, nil //nolint:nilnil // said so
	}
	service := &corev1.Service{}
	if err := yaml.UnmarshalStrict(document, service); err != nil {
		return nil, err
	}
	return service, nil
}
