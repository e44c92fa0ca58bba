//! The server's storage: `s3s-fs`, and beside it the list of open uploads, which that does not keep.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use crp_model::Ambient;
use s3s::{S3, S3Request, S3Response, S3Result, dto::*};
use s3s_fs::FileSystem;

#[derive(Clone)]
pub(super) struct Files {
    files: Arc<FileSystem>,
    /// Key and beginning of each open upload, by its id.
    open: Arc<Mutex<BTreeMap<String, (String, Timestamp)>>>,
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        let files = FileSystem::new(root).expect("the S3 server can use its folder");
        Self { files: Arc::new(files), open: Arc::default() }
    }

    pub(super) fn open_uploads(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.open.lock().unwrap_or_else(PoisonError::into_inner).values().map(|(key, _)| key.clone()).collect();
        keys.sort();
        keys
    }

    fn opened(&self, id: String, key: String) {
        let micros = u64::try_from(Ambient::system().now().0).unwrap_or(0);
        let now = Timestamp::from(UNIX_EPOCH + Duration::from_micros(micros));
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (key, now));
    }

    fn closed(&self, id: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn listed(&self, prefix: &str) -> Vec<MultipartUpload> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = open.iter().filter(|(_, (key, _))| key.starts_with(prefix));
        mine.map(|(id, (key, began))| MultipartUpload {
            upload_id: Some(id.clone()),
            key: Some(key.clone()),
            initiated: Some(began.clone()),
            ..MultipartUpload::default()
        })
        .collect()
    }
}

macro_rules! storage {
    ($($method:ident($input:ident) -> $output:ident;)*) => {
        #[async_trait::async_trait]
        impl S3 for Files {
            $(async fn $method(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                self.files.$method(request).await
            })*

            async fn create_multipart_upload(
                &self,
                request: S3Request<CreateMultipartUploadInput>,
            ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
                let answer = self.files.create_multipart_upload(request).await?;
                if let (Some(id), Some(key)) = (&answer.output.upload_id, &answer.output.key) {
                    self.opened(id.clone(), key.clone());
                }
                Ok(answer)
            }

            async fn complete_multipart_upload(
                &self,
                request: S3Request<CompleteMultipartUploadInput>,
            ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
                let id = request.input.upload_id.clone();
                let answer = self.files.complete_multipart_upload(request).await?;
                self.closed(&id);
                Ok(answer)
            }

            async fn abort_multipart_upload(
                &self,
                request: S3Request<AbortMultipartUploadInput>,
            ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
                let id = request.input.upload_id.clone();
                let answer = self.files.abort_multipart_upload(request).await?;
                self.closed(&id);
                Ok(answer)
            }

            async fn list_multipart_uploads(
                &self,
                request: S3Request<ListMultipartUploadsInput>,
            ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
                let uploads = self.listed(request.input.prefix.as_deref().unwrap_or(""));
                Ok(S3Response::new(ListMultipartUploadsOutput {
                    bucket: Some(request.input.bucket),
                    is_truncated: Some(false),
                    uploads: Some(uploads),
                    ..ListMultipartUploadsOutput::default()
                }))
            }
        }
    };
}

storage! {
    copy_object(CopyObjectInput) -> CopyObjectOutput;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput;
    get_object(GetObjectInput) -> GetObjectOutput;
    head_bucket(HeadBucketInput) -> HeadBucketOutput;
    head_object(HeadObjectInput) -> HeadObjectOutput;
    list_buckets(ListBucketsInput) -> ListBucketsOutput;
    list_objects(ListObjectsInput) -> ListObjectsOutput;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
    list_parts(ListPartsInput) -> ListPartsOutput;
    put_object(PutObjectInput) -> PutObjectOutput;
    upload_part(UploadPartInput) -> UploadPartOutput;
}
