//! Every line that this process tells, from all of its threads and tests, and every figure.

use serde_json::Value;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use superapp::app::App;
use superapp::clock::Clock;
use superapp::http::metrics::{PrometheusHandle, install};
use superapp::telemetry::layer::Lines;
use superapp::telemetry::line::Line;
use tower::ServiceExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

type Kept = Mutex<Vec<String>>;

static RECORDINGS: Mutex<Vec<Weak<Kept>>> = Mutex::new(Vec::new());
static FIGURES: OnceLock<PrometheusHandle> = OnceLock::new();

/// What is told while this lives. Other tests tell something, too.
pub struct Recording(Arc<Kept>);

impl Recording {
    pub fn start() -> Self {
        static STARTED: OnceLock<()> = OnceLock::new();
        STARTED.get_or_init(|| {
            let levels = "info,superapp=trace".parse().unwrap();
            tracing_subscriber::registry().with(Lines::new(levels, Clock::System, keep)).init();
        });
        let kept = Arc::new(Kept::default());
        RECORDINGS.lock().unwrap().push(Arc::downgrade(&kept));
        Self(kept)
    }

    /// Every line, as it would be written.
    pub fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The lines of one request.
    pub fn of(&self, request_id: &str) -> Vec<Value> {
        let lines = self.texts();
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["request_id"] == request_id).collect()
    }
}

fn keep(line: &Line) {
    let mut recordings = RECORDINGS.lock().unwrap();
    recordings.retain(|recording| recording.strong_count() > 0);
    for recording in recordings.iter().filter_map(Weak::upgrade) {
        recording.lock().unwrap().push(line.json());
    }
}

/// Begins to count, once for all tests. What was opened before is not counted everywhere.
pub fn count() -> PrometheusHandle {
    FIGURES.get_or_init(|| install().unwrap()).clone()
}

/// What `GET /metrics` answers.
pub async fn figures(app: &App) -> String {
    let router = superapp::http::metrics::router(app.clone(), count(), None);
    let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let body = router.oneshot(request).await.unwrap().into_body();
    let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}
