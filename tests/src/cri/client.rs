//! Calls of the Container Runtime Interface, as the kubelet makes them.

use anyhow::{Context, Result, anyhow};
use prost::Message;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

/// The kubelet's own limit for most calls.
const LIMIT: Duration = Duration::from_secs(120);

/// Where a node's engine listens. A connection lives for one call, so threads may share it.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// For the engine at this socket.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// One call of the runtime service.
    ///
    /// # Errors
    /// The engine's own words, as the kubelet would show them; or it does not answer.
    pub fn call<Q, A>(&self, method: &str, request: Q) -> Result<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let call = async { tokio::time::timeout(LIMIT, self.unary(method, request)).await };
        runtime.block_on(call).with_context(|| format!("{method} is not answered"))?
    }

    async fn unary<Q, A>(&self, method: &str, request: Q) -> Result<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let address = format!("unix://{}", self.socket.display());
        let channel = Endpoint::from_shared(address)?.connect().await?;
        let mut client = Grpc::new(channel);
        client.ready().await?;
        let path = PathAndQuery::try_from(format!("/runtime.v1.RuntimeService/{method}"))?;
        let answer =
            client.unary(tonic::Request::new(request), path, ProstCodec::<Q, A>::default()).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| anyhow!("{method}: {}", status.message()))
    }
}
