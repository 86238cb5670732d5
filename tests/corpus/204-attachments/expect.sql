SELECT a.record_type, a.record_id, a.name, a.created_at, b.filename, b.content_type, b.byte_size, b.key FROM attachments a JOIN blobs b ON b.id = a.blob_id ORDER BY a.record_type, a.record_id;
SELECT count(*) FROM blobs;
