package redisentra_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
)

// The functions below hold the code of README.md, so that it is compiled. They
// are not called: there is no Azure here.

func quickStart(ctx context.Context) error {
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return err
	}
	source, err := auth.NewTokenSource(ctx, cred, nil) // give ctx a deadline, such as 30 s
	if err != nil {
		return err
	}
	defer source.Close()
	client, err := rueidisentra.NewClient(rueidis.ClientOption{
		InitAddress: []string{"my-cache.westeurope.redis.azure.net:10000"}, // Azure Cache for Redis: port 6380
	}, source, nil)
	if err != nil {
		return err
	}

	client.Close()
	return nil
}

func identities(tenant, app, secret string, certs []*x509.Certificate, key crypto.PrivateKey) {
	azidentity.NewDefaultAzureCredential(nil)                               // what is found here: environment, workload, managed identity, az login
	azidentity.NewManagedIdentityCredential(nil)                            // system-assigned managed identity
	managedIdentity(azidentity.ClientID("client id"))                       // user-assigned, by its client id; or azidentity.ObjectID, ResourceID
	azidentity.NewClientSecretCredential(tenant, app, secret, nil)          // service principal with a secret
	azidentity.NewClientCertificateCredential(tenant, app, certs, key, nil) // service principal with a certificate
	azidentity.NewWorkloadIdentityCredential(nil)                           // a pod in Kubernetes with workload identity
	azidentity.NewAzureCLICredential(nil)                                   // you, after `az login`
	azidentity.NewInteractiveBrowserCredential(&browser)                    // you, in a browser
	azidentity.NewDeviceCodeCredential(&device)                             // you, on another device
}

func managedIdentity(id azidentity.ManagedIDKind) (*azidentity.ManagedIdentityCredential, error) {
	return azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: id})
}

var (
	browser = azidentity.InteractiveBrowserCredentialOptions{DisableAutomaticAuthentication: true}
	device  = azidentity.DeviceCodeCredentialOptions{DisableAutomaticAuthentication: true}
)

func logIn(ctx context.Context, cred *azidentity.DeviceCodeCredential) error {
	_, err := cred.Authenticate(ctx, &policy.TokenRequestOptions{Scopes: []string{auth.DefaultScope}})
	return err
}

func TestTheCodeOfTheREADMEIsCompiled(t *testing.T) {
	_, _, _ = quickStart, identities, logIn // for the compiler; the rest compares texts
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	compiled, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	require.Len(t, blocks, 4)
	for _, b := range blocks {
		require.Contains(t, unspaced(string(compiled)), unspaced(b[1]))
	}
	quick := strings.Count(blocks[0][1], "\n")
	require.LessOrEqual(t, quick, 15, "lines of the quick start")
	require.LessOrEqual(t, strings.Count(string(readme), "\n"), 150, "lines of the README")
}

// unspaced is code without the white space that indentation and alignment make.
func unspaced(code string) string { return strings.Join(strings.Fields(code), " ") }
