//! The answer 202: something was taken and will be worked on; `Location` tells where to look.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use uuid::Uuid;

use crate::problem::Problem;

/// 202 with the address of the job and a body.
pub(crate) struct Accepted<T> {
    pub(crate) job: Uuid,
    pub(crate) body: T,
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        match HeaderValue::from_str(&format!("/api/v1/jobs/{}", self.job)) {
            Ok(location) => (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(self.body)).into_response(),
            Err(_) => Problem::internal("The job's address is no header").into_response(),
        }
    }
}
