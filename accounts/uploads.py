"""Limits the size of uploads."""

from django.core.files.uploadhandler import FileUploadHandler

from accounts.common.app_settings import app_settings


class BoundedUploadHandler(FileUploadHandler):
    """Passes on at most one byte more than the size limit of pictures. The rest is dropped, so no upload can fill the disk.

    The form then rejects the file as too big, and keeps the other fields. Put it before Django's handlers in
    FILE_UPLOAD_HANDLERS.
    """

    def receive_data_chunk(self, raw_data, start):
        room = max(app_settings.PICTURE_MAX_BYTES + 1 - start, 0)
        return raw_data[:room] or None

    def file_complete(self, file_size):
        return None
