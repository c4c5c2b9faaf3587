//! Accepts connections, within a limit, and lets them end in peace.

mod framing;
mod stream;

use super::extract::Peer;
use crate::app::App;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use stream::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt;

/// Bytes of a request's header.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Lines of a request's header.
const HEADERS_MAX: usize = 64;
/// How long open connections get to carry one more request, whose answer tells them to close.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves until `stop` resolves, then drains: every request that was accepted is answered. Says whether
/// all of them were, within the time that the settings give. Connections that are still open then, or
/// when this future is dropped, are cut: what their clients asked of the ledger is done all the same.
pub async fn serve(app: &App, router: Router, listener: TcpListener, stop: impl Future<Output = ()>) -> bool {
    let mut server = Server {
        http: http(app),
        app: app.clone(),
        router,
        graceful: GracefulShutdown::new(),
        places: Arc::new(Semaphore::new(app.config.server.connections_max)),
        connections: JoinSet::new(),
    };
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = server.accept(&listener) => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer, place)) => server.handle(stream, peer, place),
            Err(error) => {
                // Out of file descriptors, mostly: the connections that end will free some.
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    app.drain();
    if let Err(error) = server.accept_the_last(listener) {
        tracing::warn!(error = &error as &dyn std::error::Error, "waiting connections could not be accepted");
    }
    server.drain(Duration::from_secs(app.config.server.drain_timeout_seconds)).await
}

fn http(app: &App) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(app.config.server.header_timeout_seconds))
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    http
}

struct Server {
    http: http1::Builder,
    app: App,
    router: Router,
    graceful: GracefulShutdown,
    places: Arc<Semaphore>,
    connections: JoinSet<()>,
}

impl Server {
    /// Waits for a place first: a connection beyond the limit stays in the kernel's queue.
    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(std::io::Error::other)?;
        let (stream, peer) = listener.accept().await?;
        // Answers are small and whole: waiting for more to send only costs time.
        stream.set_nodelay(true)?;
        Ok((stream, peer, place))
    }

    /// Connections that the kernel has accepted already belong to clients that believe in us. They are asked
    /// for directly, because the runtime has not heard of the newest; then nobody listens any more.
    fn accept_the_last(&mut self, listener: TcpListener) -> std::io::Result<()> {
        let listener = listener.into_std()?;
        while let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            match listener.accept() {
                // One that has gone again is no reason to leave the others waiting.
                Ok((stream, peer)) => {
                    let _ = into_tokio(stream).map(|stream| self.handle(stream, peer, place));
                }
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn handle(&mut self, stream: TcpStream, peer: SocketAddr, place: tokio::sync::OwnedSemaphorePermit) {
        // Those that have ended make room for those that come.
        while self.connections.try_join_next().is_some() {}
        let address = peer.ip();
        let spared = self.app.limiter.spares_connections_of(address);
        let counted = if spared { None } else { self.app.admission.connection(address.into()) };
        if counted.is_none() && !spared {
            metrics::counter!("http_connections_refused_total").increment(1);
            return;
        }
        let router = self.router.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            router.clone().oneshot(request)
        });
        let stream = TokioIo::new(Stream::new(stream, self.app.clone()));
        let connection = self.graceful.watch(self.http.serve_connection(stream, service));
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
            }
            drop((place, counted));
        });
    }

    /// Waits until every connection has ended. Says whether they did, within `patience`.
    async fn drain(self, patience: Duration) -> bool {
        let Self { graceful, mut connections, .. } = self;
        let until = Instant::now() + patience;
        let farewell = until.min(Instant::now() + FAREWELL);
        if tokio::time::timeout_at(farewell, ended(&mut connections)).await.is_ok() {
            return true;
        }
        let asked = async {
            graceful.shutdown().await;
            ended(&mut connections).await;
        };
        if tokio::time::timeout_at(until, asked).await.is_ok() {
            return true;
        }
        tracing::warn!(connections = connections.len(), "clients did not take their answers in time");
        connections.shutdown().await;
        false
    }
}

fn into_tokio(stream: std::net::TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    TcpStream::from_std(stream)
}

async fn ended(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}
